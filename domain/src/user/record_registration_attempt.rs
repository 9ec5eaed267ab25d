//! Telling the owner of an address that somebody tried to register with it.

use super::email::Email;
use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

pub struct RecordRegistrationAttempt {
    pub user: UserId,
    pub email: Email,
}

impl Command<User> for RecordRegistrationAttempt {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        match user {
            User::Unregistered => Err(UserError::Absent),
            User::Pending { .. } | User::Active { .. } => {
                Ok(vec![UserEvent::RegistrationAttempted {
                    email: Personal::new(self.user, Purpose::Contact, self.email.clone()),
                }])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command() -> RecordRegistrationAttempt {
        RecordRegistrationAttempt { user: MOIRA, email: Email::parse("moira@example.com").unwrap() }
    }

    #[test]
    fn the_owner_is_told_whatever_the_state_of_the_account() {
        let attempted = UserEvent::RegistrationAttempted { email: email() };
        given::<User>(vec![registered()])
            .when(command())
            .then_expect_events(vec![attempted.clone()]);
        given::<User>(vec![registered(), UserEvent::EmailVerified {}])
            .when(command())
            .then_expect_events(vec![attempted]);
        given::<User>(vec![]).when(command()).then_expect_error(UserError::Absent);
    }
}
