//! Whether a person may sign in, given whether the password was right.

use std::collections::BTreeSet;

use super::{User, UserError};
use crate::role::Role;

/// What was found out about the credentials. The hash has been compared before this is asked, for
/// people who do not exist as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub password_matches: bool,
}

impl User {
    /// The roles the session starts with, or why there is none. A wrong password learns nothing
    /// about the account.
    pub fn admit(&self, credentials: Credentials) -> Result<BTreeSet<Role>, UserError> {
        if !credentials.password_matches {
            return Err(UserError::WrongCredentials);
        }
        let account = self.account().map_err(|_| UserError::WrongCredentials)?;
        account.must_be_active()?;
        Ok(account.roles.clone())
    }

    /// The roles a session goes on with, or why it does not.
    pub fn stay(&self) -> Result<BTreeSet<Role>, UserError> {
        self.admit(Credentials { password_matches: true })
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;

    use super::super::samples::*;
    use super::super::{Status, UserEvent};
    use super::*;

    fn after(events: Vec<UserEvent>) -> User {
        events.into_iter().fold(User::default(), |mut user, event| {
            user.apply(event);
            user
        })
    }

    #[test]
    fn who_may_come_in() {
        let right = Credentials { password_matches: true };
        let wrong = Credentials { password_matches: false };
        let pending = after(vec![registered()]);
        let active = after(settled());
        let mut suspending = settled();
        suspending.push(UserEvent::UserStatusChanged { status: Status::Suspended });
        let suspended = after(suspending);

        assert_eq!(active.admit(right), Ok(BTreeSet::from([Role::Member])));
        assert_eq!(pending.admit(right), Err(UserError::NotActivated));
        assert_eq!(suspended.admit(right), Err(UserError::Suspended));
        for user in [User::Unregistered, pending, active, suspended] {
            assert_eq!(user.admit(wrong), Err(UserError::WrongCredentials));
        }
        assert_eq!(User::Unregistered.admit(right), Err(UserError::WrongCredentials));
    }
}
