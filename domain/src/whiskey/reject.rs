//! Rejecting a cask, with the reason its owner needs to mend the entry.

use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct RejectWhiskey {
    pub by: UserId,
    pub reason: String,
}

impl Command<Whiskey> for RejectWhiskey {
    const REQUIRES: Permission = Permission::APPROVE_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_at(Stage::Pending, "reject")?;
        if entry.owner == self.by {
            return Err(WhiskeyError::OwnCask);
        }
        Ok(vec![WhiskeyEvent::WhiskeyRejected { by: self.by, reason: self.reason.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command(by: UserId) -> RejectWhiskey {
        RejectWhiskey { by, reason: "the fill date is missing".into() }
    }

    #[test]
    fn a_pending_cask_is_rejected_with_a_reason() {
        given::<Whiskey>(vec![registered()])
            .when(command(JUDGE))
            .then_expect_events(vec![rejected()]);
        given::<Whiskey>(vec![registered()])
            .when(command(OWNER))
            .then_expect_error(WhiskeyError::OwnCask);
        given::<Whiskey>(vec![registered(), approved()])
            .when(command(JUDGE))
            .then_expect_error(illegal("APPROVED", "reject"));
    }
}
