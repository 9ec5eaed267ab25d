//! What a person is called, reached by and written to in.

use super::names::{FullName, Phone, Username};
use super::{User, UserError, UserEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::language::Language;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// What is none stays as it is. What is given is another one than before: the caller has looked, for
/// what is sealed cannot be compared here. Username and phone are claimed with the same commit.
pub struct ChangeProfile {
    pub user: UserId,
    pub username: Option<Username>,
    pub full_name: Option<FullName>,
    pub phone: Option<Phone>,
    pub language: Option<Language>,
}

impl Command<User> for ChangeProfile {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account()?;
        account.must_be_active()?;
        let language = self.language.filter(|language| *language != account.language);
        let named = self.username.is_some() || self.full_name.is_some() || self.phone.is_some();
        if !named && language.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![UserEvent::ProfileChanged {
            username: self.username.clone().map(|name| self.contact(name)),
            full_name: self.full_name.clone().map(|name| self.contact(name)),
            phone: self.phone.clone().map(|phone| self.contact(phone)),
            language,
        }])
    }
}

impl ChangeProfile {
    fn contact<T>(&self, value: T) -> Personal<T> {
        Personal::new(self.user, Purpose::Contact, value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn change() -> ChangeProfile {
        let (username, full_name, phone, language) = (None, None, None, None);
        ChangeProfile { user: MOIRA, username, full_name, phone, language }
    }

    #[test]
    fn only_what_is_given_changes() {
        let name = || FullName::parse("Moira Grant").unwrap();
        let changed = UserEvent::ProfileChanged {
            username: None,
            full_name: Some(Personal::new(MOIRA, Purpose::Contact, name())),
            phone: None,
            language: Some(Language::TraditionalChinese),
        };
        let language = Some(Language::TraditionalChinese);
        given::<User>(settled())
            .when(ChangeProfile { full_name: Some(name()), language, ..change() })
            .then_expect_events(vec![changed]);
    }

    #[test]
    fn nothing_new_is_nothing_to_record() {
        let language = Some(Language::English);
        given::<User>(settled())
            .when(ChangeProfile { language, ..change() })
            .then_expect_events(vec![]);
        given::<User>(vec![registered()]).when(change()).then_expect_error(UserError::NotActivated);
    }
}
