//! Erasing a person: what is known of them goes, that they were there stays.

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::permission::Permission;

/// Who asks has shown that they may: the person by their password, an administrator by a role.
pub struct EraseUser;

impl Command<User> for EraseUser {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        user.account()?;
        Ok(vec![UserEvent::UserErased {}])
    }
}

#[cfg(test)]
mod tests {
    use super::super::RecordRegistrationAttempt;
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn whoever_is_erased_is_nobody_and_stays_so() {
        let erased = UserEvent::UserErased {};
        given::<User>(settled()).when(EraseUser).then_expect_events(vec![erased.clone()]);
        given::<User>(vec![registered()]).when(EraseUser).then_expect_events(vec![erased.clone()]);
        let gone = || given::<User>([settled(), vec![erased.clone()]].concat());
        gone().when(EraseUser).then_expect_error(UserError::Absent);
        gone().when(RecordRegistrationAttempt).then_expect_error(UserError::Absent);
    }
}
