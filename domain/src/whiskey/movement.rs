//! Where a cask lies now.

use super::details::StorageLocation;
use super::{Recorder, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct MoveWhiskey {
    pub by: Recorder,
    pub location: StorageLocation,
}

impl Command<Whiskey> for MoveWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_for(self.by, "move")?;
        if entry.details.storage_location.as_ref() == Some(&self.location) {
            return Ok(vec![]);
        }
        Ok(vec![WhiskeyEvent::WhiskeyMoved { location: self.location.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_cask_moves_to_another_place() {
        let to = |by| MoveWhiskey { by, location: elsewhere() };
        given::<Whiskey>(vec![registered()])
            .when(to(by_keeper()))
            .then_expect_events(vec![moved()]);
        given::<Whiskey>(vec![registered(), moved()])
            .when(to(by_owner()))
            .then_expect_events(vec![]);
        given::<Whiskey>(vec![registered()])
            .when(to(by_stranger()))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered(), retired()])
            .when(to(by_keeper()))
            .then_expect_error(illegal("RETIRED", "move"));
    }
}
