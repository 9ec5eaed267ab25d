//! Entering a cask into the register.

use super::details::Details;
use super::{Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct RegisterWhiskey {
    pub owner: UserId,
    pub details: Details,
}

impl Command<Whiskey> for RegisterWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        match whiskey {
            Whiskey::Registered(_) => Err(WhiskeyError::AlreadyRegistered),
            Whiskey::Unregistered => Ok(vec![WhiskeyEvent::WhiskeyRegistered {
                owner: self.owner,
                details: Box::new(self.details.clone()),
                original_litres_of_alcohol: self.details.litres_of_alcohol(),
            }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_cask_is_registered_once_with_its_litres_of_alcohol() {
        let command = || RegisterWhiskey { owner: OWNER, details: details() };
        given::<Whiskey>(vec![]).when(command()).then_expect_events(vec![registered()]);
        given::<Whiskey>(vec![registered()])
            .when(command())
            .then_expect_error(WhiskeyError::AlreadyRegistered);
    }
}
