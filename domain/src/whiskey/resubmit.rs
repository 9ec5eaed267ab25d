//! Asking for another judgement of an entry that was rejected.

use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct ResubmitWhiskey {
    pub by: UserId,
}

impl Command<Whiskey> for ResubmitWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        whiskey.entry_of(self.by)?.must_be_at(&[Stage::Rejected], "resubmit")?;
        Ok(vec![WhiskeyEvent::WhiskeyResubmitted {}])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn what_was_rejected_is_judged_again() {
        let resubmit = |by| ResubmitWhiskey { by };
        given::<Whiskey>(vec![registered(), rejected()])
            .when(resubmit(OWNER))
            .then_expect_events(vec![resubmitted()]);
        given::<Whiskey>(vec![registered(), rejected()])
            .when(resubmit(JUDGE))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered(), rejected(), resubmitted()])
            .when(resubmit(OWNER))
            .then_expect_error(illegal("PENDING", "resubmit"));
    }
}
