//! Another password, by somebody who knows the present one.

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::moment::Moment;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// The present password has been checked, and the new one was not used before.
pub struct ChangePassword {
    pub user: UserId,
    pub password_hash: String,
    pub now: Moment,
}

impl Command<User> for ChangePassword {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        user.account()?.must_be_active()?;
        let hash = self.password_hash.clone();
        let password_hash = Personal::new(self.user, Purpose::Security, hash);
        Ok(vec![UserEvent::PasswordChanged { password_hash, at: Some(self.now) }])
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;

    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn an_active_person_changes_their_password() {
        let now = Moment::from_unix_ms(7);
        let change = || ChangePassword { user: MOIRA, password_hash: "new".into(), now };
        let changed = password_changed("new", 7);
        given::<User>(settled()).when(change()).then_expect_events(vec![changed]);
        given::<User>(vec![registered()]).when(change()).then_expect_error(UserError::NotActivated);
    }

    #[test]
    fn the_last_five_are_remembered() {
        let mut user = User::default();
        settled().into_iter().for_each(|event| user.apply(event));
        for number in 1..=6 {
            user.apply(password_changed(&number.to_string(), number));
        }
        let account = user.account().unwrap();
        assert_eq!(account.password_hash, hashed("6"));
        assert_eq!(account.former_hashes, ["5", "4", "3", "2"].map(hashed));
    }
}
