//! What a cask is worth today, by its owner's word.

use super::details::Money;
use super::{Recorder, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct RevalueWhiskey {
    pub by: Recorder,
    pub value: Money,
}

impl Command<Whiskey> for RevalueWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    /// The same value again is a valuation of another day.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        whiskey.entry_for(self.by, "revalue")?;
        Ok(vec![WhiskeyEvent::WhiskeyRevalued { value: self.value.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_cask_is_valued_until_it_is_retired() {
        let revalue = |by| RevalueWhiskey { by, value: pounds("4200") };
        for by in [by_owner(), by_keeper()] {
            given::<Whiskey>(vec![registered(), approved(), revalued()])
                .when(revalue(by))
                .then_expect_events(vec![revalued()]);
        }
        given::<Whiskey>(vec![registered()])
            .when(revalue(by_stranger()))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered(), retired()])
            .when(revalue(by_owner()))
            .then_expect_error(illegal("RETIRED", "revalue"));
    }
}
