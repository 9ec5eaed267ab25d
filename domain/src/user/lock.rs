//! Telling the owner that their account was locked, or is open again. What locks is the guard of the
//! identifier, which counts whether or not there is an account behind it.

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

pub struct RecordLock {
    pub until: Moment,
}

impl Command<User> for RecordLock {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let email = user.account()?.email.clone();
        Ok(vec![UserEvent::AccountLocked { email, until: self.until }])
    }
}

pub struct RecordUnlock;

impl Command<User> for RecordUnlock {
    const REQUIRES: Permission = Permission::MANAGE_USERS;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        user.account()?;
        Ok(vec![UserEvent::AccountUnlocked {}])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn only_who_exists_is_told() {
        let until = Moment::from_unix_ms(1);
        let locked = UserEvent::AccountLocked { email: email(), until };
        given::<User>(settled()).when(RecordLock { until }).then_expect_events(vec![locked]);
        given::<User>(vec![]).when(RecordLock { until }).then_expect_error(UserError::Absent);
        given::<User>(settled())
            .when(RecordUnlock)
            .then_expect_events(vec![UserEvent::AccountUnlocked {}]);
    }
}
