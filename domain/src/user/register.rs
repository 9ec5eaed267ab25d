//! Registering a person.

use std::time::Duration;

use super::email::Email;
use super::names::{FullName, Phone, Username};
use super::{Challenge, User, UserError, UserEvent};
use crate::command::Command;
use crate::id::{ChallengeId, UserId};
use crate::language::Language;
use crate::moment::Moment;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// How long the mailed question stays open.
pub const EMAIL_CHALLENGE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Uniqueness of address, username and number is not decided here but by claims, in the
/// transaction that appends the events.
pub struct RegisterUser {
    pub user: UserId,
    pub email: Email,
    pub username: Option<Username>,
    pub full_name: Option<FullName>,
    pub phone: Option<Phone>,
    pub language: Language,
    pub password_hash: String,
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<User> for RegisterUser {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        if *user != User::Unregistered {
            return Err(UserError::AlreadyRegistered);
        }
        // One event, as when the address is known already: positions must not tell the difference.
        Ok(vec![UserEvent::UserRegistered {
            email: self.contact(self.email.clone()),
            username: self.username.clone().map(|name| self.contact(name)),
            full_name: self.full_name.clone().map(|name| self.contact(name)),
            phone: self.phone.clone().map(|phone| self.contact(phone)),
            language: self.language,
            password_hash: Personal::new(self.user, Purpose::Security, self.password_hash.clone()),
            at: Some(self.now),
            challenge: Challenge {
                id: self.challenge,
                expires_at: self.now.plus(EMAIL_CHALLENGE_LIFE),
            },
        }])
    }
}

impl RegisterUser {
    fn contact<T>(&self, value: T) -> Personal<T> {
        Personal::new(self.user, Purpose::Contact, value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command() -> RegisterUser {
        RegisterUser {
            user: MOIRA,
            email: Email::parse("moira@example.com").unwrap(),
            username: None,
            full_name: Some(FullName::parse("Moira MacKenzie").unwrap()),
            phone: None,
            language: Language::English,
            password_hash: "$argon2id$…".into(),
            challenge: CHALLENGE.id,
            now: Moment::from_unix_ms(0),
        }
    }

    #[test]
    fn a_registration_asks_for_the_address_to_be_verified() {
        given::<User>(vec![]).when(command()).then_expect_events(vec![registered()]);
    }

    #[test]
    fn nobody_is_registered_twice() {
        given::<User>(vec![registered()])
            .when(command())
            .then_expect_error(UserError::AlreadyRegistered);
    }
}
