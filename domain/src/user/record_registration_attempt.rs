//! Telling the owner of an address that somebody tried to register with it.

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::permission::Permission;

/// The mail goes to the address as its owner wrote it, whatever spelling was tried.
pub struct RecordRegistrationAttempt;

impl Command<User> for RecordRegistrationAttempt {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let email = user.account()?.email.clone();
        Ok(vec![UserEvent::RegistrationAttempted { email }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn the_owner_is_told_whatever_the_state_of_the_account() {
        let attempted = UserEvent::RegistrationAttempted { email: email() };
        given::<User>(vec![registered()])
            .when(RecordRegistrationAttempt)
            .then_expect_events(vec![attempted.clone()]);
        given::<User>(vec![registered(), UserEvent::EmailVerified {}])
            .when(RecordRegistrationAttempt)
            .then_expect_events(vec![attempted]);
        given::<User>(vec![]).when(RecordRegistrationAttempt).then_expect_error(UserError::Absent);
    }
}
