//! A name that somebody else has verified first.

use serde::{Deserialize, Serialize};

use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::permission::Permission;

/// A name that only one person of a tenant may have. It is theirs once their address is verified;
/// until then anybody may want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    Username,
    Phone,
}

pub struct WithdrawName {
    pub name: Name,
}

impl Command<User> for WithdrawName {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account()?;
        let has_it = match self.name {
            Name::Username => account.username.is_some(),
            Name::Phone => account.phone.is_some(),
        };
        Ok(if has_it { vec![UserEvent::NameWithdrawn { name: self.name }] } else { vec![] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;
    use crate::personal::{Personal, Purpose};
    use crate::user::names::Username;

    #[test]
    fn only_a_name_that_is_there_is_withdrawn() {
        let withdraw = || WithdrawName { name: Name::Username };
        let UserEvent::UserRegistered { email, full_name, phone, password_hash, challenge, .. } =
            registered()
        else {
            unreachable!()
        };
        let username = Some(Username::parse("Moira").unwrap());
        let username = username.map(|name| Personal::new(MOIRA, Purpose::Contact, name));
        let named = UserEvent::UserRegistered {
            email,
            username,
            full_name,
            phone,
            language: crate::language::Language::English,
            password_hash,
            at: None,
            challenge,
        };
        let withdrawn = UserEvent::NameWithdrawn { name: Name::Username };
        given::<User>(vec![named.clone()])
            .when(withdraw())
            .then_expect_events(vec![withdrawn.clone()]);
        given::<User>(vec![named, withdrawn]).when(withdraw()).then_expect_events(vec![]);
        given::<User>(vec![registered()]).when(withdraw()).then_expect_events(vec![]);
    }
}
