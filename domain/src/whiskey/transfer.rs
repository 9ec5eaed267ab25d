//! A cask changes hands: its owner offers it, and one person accepts. Once there is a token, that is
//! the chain's business.

use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

/// Whether there is such a person has been found out.
pub struct OfferTransfer {
    pub by: UserId,
    pub to: UserId,
}

impl Command<Whiskey> for OfferTransfer {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    /// Another offer takes the place of the one before.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_of(self.by)?;
        entry.must_be_at(&[Stage::Approved], "offer")?;
        if self.to == self.by {
            return Err(WhiskeyError::OfferedToOwner);
        }
        if entry.offered_to == Some(self.to) {
            return Ok(vec![]);
        }
        Ok(vec![WhiskeyEvent::TransferOffered { to: self.to }])
    }
}

pub struct WithdrawTransfer {
    pub by: UserId,
}

impl Command<Whiskey> for WithdrawTransfer {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        Ok(whiskey.entry_of(self.by)?.withdrawal().into_iter().collect())
    }
}

pub struct AcceptTransfer {
    pub by: UserId,
}

impl Command<Whiskey> for AcceptTransfer {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry()?;
        if entry.offered_to != Some(self.by) {
            return Err(WhiskeyError::NotOffered);
        }
        entry.must_be_at(&[Stage::Approved], "accept")?;
        Ok(vec![WhiskeyEvent::TransferAccepted { from: entry.owner, to: self.by }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::{Given, given};

    fn story(more: Vec<WhiskeyEvent>) -> Given<Whiskey> {
        given([vec![registered(), approved()], more].concat())
    }

    fn offer(to: UserId) -> OfferTransfer {
        OfferTransfer { by: OWNER, to }
    }

    #[test]
    fn a_cask_is_offered_by_its_owner_to_somebody_else() {
        story(vec![]).when(offer(BUYER)).then_expect_events(vec![offered()]);
        story(vec![offered()]).when(offer(BUYER)).then_expect_events(vec![]);
        let to_judge = WhiskeyEvent::TransferOffered { to: JUDGE };
        story(vec![offered()]).when(offer(JUDGE)).then_expect_events(vec![to_judge]);
        story(vec![]).when(offer(OWNER)).then_expect_error(WhiskeyError::OfferedToOwner);
        story(vec![])
            .when(OfferTransfer { by: BUYER, to: JUDGE })
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered()])
            .when(offer(BUYER))
            .then_expect_error(illegal("PENDING", "offer"));
        story(vec![tokenising()])
            .when(offer(BUYER))
            .then_expect_error(illegal("TOKENISING", "offer"));
    }

    #[test]
    fn who_it_is_offered_to_becomes_the_owner_by_saying_yes() {
        let accept = |by| AcceptTransfer { by };
        story(vec![offered()]).when(accept(BUYER)).then_expect_events(vec![accepted()]);
        story(vec![offered()]).when(accept(JUDGE)).then_expect_error(WhiskeyError::NotOffered);
        story(vec![offered(), withdrawn()])
            .when(accept(BUYER))
            .then_expect_error(WhiskeyError::NotOffered);
        // What was theirs is theirs no longer.
        story(vec![offered(), accepted()])
            .when(offer(JUDGE))
            .then_expect_error(WhiskeyError::NotTheOwner);
    }

    #[test]
    fn an_offer_is_withdrawn_once() {
        let withdraw = |by| WithdrawTransfer { by };
        story(vec![offered()]).when(withdraw(OWNER)).then_expect_events(vec![withdrawn()]);
        story(vec![]).when(withdraw(OWNER)).then_expect_events(vec![]);
        story(vec![offered()]).when(withdraw(BUYER)).then_expect_error(WhiskeyError::NotTheOwner);
    }
}
