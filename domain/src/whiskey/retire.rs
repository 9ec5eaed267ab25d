//! The end of a cask. Nothing is recorded of it any more.

use serde::{Deserialize, Serialize};

use super::{Recorder, Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::permission::Permission;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetireReason {
    Bottled,
    Lost,
    /// Taken out of the register.
    Withdrawn,
}

impl RetireReason {
    pub const ALL: [Self; 3] = [Self::Bottled, Self::Lost, Self::Withdrawn];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Bottled => "bottled",
            Self::Lost => "lost",
            Self::Withdrawn => "withdrawn",
        }
    }
}

pub struct RetireWhiskey {
    pub by: Recorder,
    pub reason: RetireReason,
}

impl Command<Whiskey> for RetireWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    /// Not while a mint is under way: nobody could say what its token stands for.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_for(self.by, "retire")?;
        let ends = [Stage::Pending, Stage::Rejected, Stage::Approved, Stage::Tokenised];
        entry.must_be_at(&ends, "retire")?;
        let retired = WhiskeyEvent::WhiskeyRetired { reason: self.reason };
        Ok(entry.withdrawal().into_iter().chain([retired]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn retire(by: Recorder) -> RetireWhiskey {
        RetireWhiskey { by, reason: RetireReason::Bottled }
    }

    #[test]
    fn a_cask_is_retired_once_and_not_while_it_is_minted() {
        given::<Whiskey>(vec![registered()])
            .when(retire(by_owner()))
            .then_expect_events(vec![retired()]);
        given::<Whiskey>(vec![registered(), approved(), offered()])
            .when(retire(by_keeper()))
            .then_expect_events(vec![withdrawn(), retired()]);
        given::<Whiskey>(vec![registered(), approved(), tokenising()])
            .when(retire(by_owner()))
            .then_expect_error(illegal("TOKENISING", "retire"));
        given::<Whiskey>(vec![registered(), retired()])
            .when(retire(by_owner()))
            .then_expect_error(illegal("RETIRED", "retire"));
        given::<Whiskey>(vec![registered()])
            .when(retire(by_stranger()))
            .then_expect_error(WhiskeyError::NotTheOwner);
    }
}
