//! Suspending a person, switching an account off, and back.

use super::{Status, User, UserError, UserEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct ChangeStatus {
    pub status: Status,
}

impl Command<User> for ChangeStatus {
    const REQUIRES: Permission = Permission::MANAGE_USERS;

    /// Whether an address is verified is not for an administrator to say.
    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let now = user.account()?.status;
        if now == Status::Pending || self.status == Status::Pending {
            return Err(UserError::StatusStays(now.name(), self.status.name()));
        }
        if now == self.status {
            return Ok(vec![]);
        }
        Ok(vec![UserEvent::UserStatusChanged { status: self.status }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn who_has_verified_their_address_is_suspended_and_let_back_in() {
        let change = |status| ChangeStatus { status };
        let changed = |status| UserEvent::UserStatusChanged { status };
        given::<User>(settled())
            .when(change(Status::Suspended))
            .then_expect_events(vec![changed(Status::Suspended)]);
        given::<User>([settled(), vec![changed(Status::Suspended)]].concat())
            .when(change(Status::Active))
            .then_expect_events(vec![changed(Status::Active)]);
        given::<User>(settled()).when(change(Status::Active)).then_expect_events(vec![]);
        given::<User>(settled())
            .when(change(Status::Pending))
            .then_expect_error(UserError::StatusStays("ACTIVE", "PENDING"));
        given::<User>(vec![registered()])
            .when(change(Status::Active))
            .then_expect_error(UserError::StatusStays("PENDING", "ACTIVE"));
    }
}
