//! Approving a cask: somebody other than its owner found the entry right.

use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct ApproveWhiskey {
    pub by: UserId,
}

impl Command<Whiskey> for ApproveWhiskey {
    const REQUIRES: Permission = Permission::APPROVE_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_at(Stage::Pending, "approve")?;
        if entry.owner == self.by {
            return Err(WhiskeyError::OwnCask);
        }
        Ok(vec![WhiskeyEvent::WhiskeyApproved { by: self.by }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn another_person_approves() {
        given::<Whiskey>(vec![registered()])
            .when(ApproveWhiskey { by: JUDGE })
            .then_expect_events(vec![approved()]);
    }

    #[test]
    fn an_owner_does_not_approve_their_own_cask() {
        given::<Whiskey>(vec![registered()])
            .when(ApproveWhiskey { by: OWNER })
            .then_expect_error(WhiskeyError::OwnCask);
    }

    #[test]
    fn only_a_pending_cask_is_approved() {
        for (state, events) in [
            ("APPROVED", vec![registered(), approved()]),
            ("REJECTED", vec![registered(), rejected()]),
            ("TOKENISING", vec![registered(), approved(), tokenising()]),
            ("TOKENISED", vec![registered(), approved(), tokenising(), tokenised()]),
        ] {
            given::<Whiskey>(events)
                .when(ApproveWhiskey { by: JUDGE })
                .then_expect_error(illegal(state, "approve"));
        }
        given::<Whiskey>(vec![])
            .when(ApproveWhiskey { by: JUDGE })
            .then_expect_error(WhiskeyError::Absent);
    }
}
