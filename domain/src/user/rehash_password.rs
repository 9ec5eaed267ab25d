//! The same password, hashed at today's cost.

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// The password has been compared with the present hash, and fits.
pub struct RehashPassword {
    pub user: UserId,
    pub password_hash: String,
}

impl Command<User> for RehashPassword {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        user.account()?;
        let hash = self.password_hash.clone();
        let password_hash = Personal::new(self.user, Purpose::Security, hash);
        Ok(vec![UserEvent::PasswordRehashed { password_hash }])
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;

    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn it_is_no_other_password() {
        let command = RehashPassword { user: MOIRA, password_hash: "dearer".into() };
        let rehashed = UserEvent::PasswordRehashed { password_hash: hashed("dearer") };
        given::<User>(settled()).when(command).then_expect_events(vec![rehashed.clone()]);
        let mut user = User::default();
        settled().into_iter().chain([rehashed]).for_each(|event| user.apply(event));
        let account = user.account().unwrap();
        assert_eq!((&account.password_hash, account.former_hashes.len()), (&hashed("dearer"), 0));
    }
}
