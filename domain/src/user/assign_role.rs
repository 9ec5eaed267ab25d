//! Giving a person a role.

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::permission::Permission;
use crate::role::Role;

pub struct AssignRole {
    pub role: Role,
}

impl Command<User> for AssignRole {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account()?;
        account.must_be_active()?;
        if account.roles.contains(&self.role) {
            return Ok(vec![]);
        }
        Ok(vec![UserEvent::RoleAssigned { role: self.role }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    const COMMAND: AssignRole = AssignRole { role: Role::Administrator };

    #[test]
    fn a_role_is_given_once_and_only_to_active_people() {
        let assigned = UserEvent::RoleAssigned { role: Role::Administrator };
        let active = vec![registered(), UserEvent::EmailVerified {}];
        given::<User>(active.clone()).when(COMMAND).then_expect_events(vec![assigned.clone()]);
        given::<User>([active, vec![assigned]].concat()).when(COMMAND).then_expect_events(vec![]);
        given::<User>(vec![registered()]).when(COMMAND).then_expect_error(UserError::NotActivated);
    }
}
