//! What somebody found who looked at a cask.

use super::{Recorder, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct ReportCondition {
    pub by: Recorder,
    pub condition: String,
}

impl Command<Whiskey> for ReportCondition {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    /// The same words again say that it was looked at again.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        whiskey.entry_for(self.by, "report_condition")?;
        Ok(vec![WhiskeyEvent::ConditionReported { condition: self.condition.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_condition_is_reported_until_the_cask_is_retired() {
        let report = |by| ReportCondition { by, condition: "sound".into() };
        given::<Whiskey>(vec![registered(), reported()])
            .when(report(by_keeper()))
            .then_expect_events(vec![reported()]);
        given::<Whiskey>(vec![registered()])
            .when(report(by_stranger()))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered(), retired()])
            .when(report(by_owner()))
            .then_expect_error(illegal("RETIRED", "report_condition"));
    }
}
