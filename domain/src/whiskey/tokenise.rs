//! Giving a cask its token: started with the request to mint, completed when the mint is final.

use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct StartTokenisation {
    pub by: UserId,
    pub network: String,
}

impl Command<Whiskey> for StartTokenisation {
    const REQUIRES: Permission = Permission::GENERATE_NFT;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_of(self.by)?;
        entry.must_be_at(&[Stage::Approved], "tokenise")?;
        let started = WhiskeyEvent::TokenisationStarted { network: self.network.clone() };
        Ok(entry.withdrawal().into_iter().chain([started]).collect())
    }
}

/// An operator has it done for whoever owns the cask.
pub struct StartTokenisationForOwner {
    pub network: String,
}

impl Command<Whiskey> for StartTokenisationForOwner {
    const REQUIRES: Permission = Permission::OPERATE_MINTS;

    /// All that holds for the owner holds here: nobody's cask gets a token before it is approved, or
    /// a second one.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let by = whiskey.entry()?.owner;
        StartTokenisation { by, network: self.network.clone() }.decide(whiskey)
    }
}

pub struct CompleteTokenisation {
    pub network: String,
}

impl Command<Whiskey> for CompleteTokenisation {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        if whiskey.entry()?.stage == Stage::Tokenised {
            return Ok(vec![]);
        }
        whiskey.entry_at(Stage::Tokenising, "complete tokenisation")?;
        Ok(vec![WhiskeyEvent::TokenisationCompleted { network: self.network.clone() }])
    }
}

/// The mint has failed for good.
pub struct GiveUpTokenisation {
    pub network: String,
}

impl Command<Whiskey> for GiveUpTokenisation {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        whiskey.entry_at(Stage::Tokenising, "give up tokenisation")?;
        Ok(vec![WhiskeyEvent::TokenisationFailed { network: self.network.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn start(by: UserId) -> StartTokenisation {
        StartTokenisation { by, network: "development".into() }
    }

    fn complete() -> CompleteTokenisation {
        CompleteTokenisation { network: "development".into() }
    }

    #[test]
    fn the_owner_of_an_approved_cask_starts_and_the_worker_completes() {
        given::<Whiskey>(vec![registered(), approved()])
            .when(start(OWNER))
            .then_expect_events(vec![tokenising()]);
        given::<Whiskey>(vec![registered(), approved(), tokenising()])
            .when(complete())
            .then_expect_events(vec![tokenised()]);
    }

    #[test]
    fn nobody_else_starts_and_nothing_starts_twice() {
        given::<Whiskey>(vec![registered(), approved()])
            .when(start(JUDGE))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered()])
            .when(start(OWNER))
            .then_expect_error(illegal("PENDING", "tokenise"));
        given::<Whiskey>(vec![registered(), approved(), tokenising()])
            .when(start(OWNER))
            .then_expect_error(illegal("TOKENISING", "tokenise"));
    }

    #[test]
    fn an_offer_that_is_open_ends_with_it() {
        given::<Whiskey>(vec![registered(), approved(), offered()])
            .when(start(OWNER))
            .then_expect_events(vec![withdrawn(), tokenising()]);
    }

    #[test]
    fn an_operator_starts_what_its_owner_could_start_and_nothing_else() {
        let start = || StartTokenisationForOwner { network: "development".into() };
        given::<Whiskey>(vec![registered(), approved()])
            .when(start())
            .then_expect_events(vec![tokenising()]);
        given::<Whiskey>(vec![registered(), approved(), offered()])
            .when(start())
            .then_expect_events(vec![withdrawn(), tokenising()]);
        given::<Whiskey>(vec![]).when(start()).then_expect_error(WhiskeyError::Absent);
        given::<Whiskey>(vec![registered()])
            .when(start())
            .then_expect_error(illegal("PENDING", "tokenise"));
        given::<Whiskey>(vec![registered(), approved(), tokenising(), tokenised()])
            .when(start())
            .then_expect_error(illegal("TOKENISED", "tokenise"));
        assert_eq!(StartTokenisationForOwner::REQUIRES, Permission::OPERATE_MINTS);
    }

    #[test]
    fn completing_again_changes_nothing() {
        given::<Whiskey>(vec![registered(), approved(), tokenising(), tokenised()])
            .when(complete())
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_failed_mint_leaves_the_cask_as_it_was() {
        let give_up = || GiveUpTokenisation { network: "development".into() };
        given::<Whiskey>(vec![registered(), approved(), tokenising()])
            .when(give_up())
            .then_expect_events(vec![not_tokenised()]);
        given::<Whiskey>(vec![registered(), approved(), tokenising(), not_tokenised()])
            .when(start(OWNER))
            .then_expect_events(vec![tokenising()]);
        given::<Whiskey>(vec![registered(), approved(), tokenising(), tokenised()])
            .when(give_up())
            .then_expect_error(illegal("TOKENISED", "give up tokenisation"));
    }
}
