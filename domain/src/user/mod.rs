//! User: a person in one tenant.

pub mod email;
pub mod names;
pub mod password;

mod assign_role;
mod record_registration_attempt;
mod register;
mod sign_in;
mod verify_email;

use std::collections::BTreeSet;

pub use assign_role::AssignRole;
pub use record_registration_attempt::RecordRegistrationAttempt;
pub use register::{EMAIL_CHALLENGE_LIFE, RegisterUser};
use serde::{Deserialize, Serialize};
pub use sign_in::Credentials;
use thiserror::Error;
pub use verify_email::VerifyEmail;

use self::email::Email;
use self::names::{FullName, Phone, Username};
use crate::command::aggregate;
use crate::event::events;
use crate::id::ChallengeId;
use crate::moment::Moment;
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};
use crate::role::Role;

/// What rules need to know of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum User {
    #[default]
    Unregistered,
    /// Registered, the e-mail address not yet verified.
    Pending {
        email: Personal<Email>,
        password_hash: Personal<String>,
        challenge: Challenge,
    },
    Active {
        email: Personal<Email>,
        password_hash: Personal<String>,
        roles: BTreeSet<Role>,
    },
}

/// A question mailed to the person, open until it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    pub id: ChallengeId,
    pub expires_at: Moment,
}

events! {
    #[expect(clippy::large_enum_variant, reason = "events are handled one by one, not stored in bulk")]
    pub enum UserEvent {
        UserRegistered = "user.registered" v 1 {
            email: Personal<Email>,
            username: Option<Personal<Username>>,
            full_name: Option<Personal<FullName>>,
            phone: Option<Personal<Phone>>,
            password_hash: Personal<String>,
            /// Asks for the address to be verified. The token itself is derived from this when the
            /// mail is written.
            challenge: Challenge,
        },
        EmailVerified = "user.email_verified" v 1 {},
        /// Somebody tried to register with this person's address; the owner gets a mail.
        RegistrationAttempted = "user.registration_attempted" v 1 {
            email: Personal<Email>,
        },
        RoleAssigned = "user.role_assigned" v 1 { role: Role },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum UserError {
    #[error("there is no such user")]
    Absent,
    #[error("the user is registered already")]
    AlreadyRegistered,
    #[error("the verification token does not fit")]
    WrongChallenge,
    #[error("the verification token has been used")]
    ChallengeSpent,
    #[error("the verification token has expired")]
    ChallengeExpired,
    #[error("the identifier or the password is wrong")]
    WrongCredentials,
    #[error("the e-mail address has not been verified yet")]
    NotActivated,
}

impl Refusal for UserError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::AlreadyRegistered => Kind::Taken,
            Self::WrongChallenge | Self::ChallengeExpired | Self::WrongCredentials => {
                Kind::Unauthenticated
            }
            Self::ChallengeSpent => Kind::Spent,
            Self::NotActivated => Kind::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "USER_NOT_FOUND",
            Self::AlreadyRegistered => "CONFLICT",
            Self::WrongChallenge => "TOKEN_INVALID",
            Self::ChallengeSpent => "TOKEN_ALREADY_USED",
            Self::ChallengeExpired => "TOKEN_EXPIRED",
            Self::WrongCredentials => "INVALID_CREDENTIALS",
            Self::NotActivated => "ACCOUNT_NOT_ACTIVATED",
        }
    }
}

impl User {
    fn fold(&mut self, event: UserEvent) {
        match event {
            UserEvent::UserRegistered { email, password_hash, challenge, .. } => {
                *self = Self::Pending { email, password_hash, challenge };
            }
            UserEvent::EmailVerified {} => {
                if let Self::Pending { email, password_hash, .. } = self {
                    *self = Self::Active {
                        email: email.clone(),
                        password_hash: password_hash.clone(),
                        roles: BTreeSet::from([Role::Member]),
                    };
                }
            }
            UserEvent::RegistrationAttempted { .. } => {}
            UserEvent::RoleAssigned { role } => {
                if let Self::Active { roles, .. } = self {
                    roles.insert(role);
                }
            }
        }
    }

    /// Where the address lies, whatever the state of the account.
    pub fn email(&self) -> Option<&Personal<Email>> {
        match self {
            Self::Unregistered => None,
            Self::Pending { email, .. } | Self::Active { email, .. } => Some(email),
        }
    }

    /// Where the hash of the password lies, whatever the state of the account.
    pub fn password_hash(&self) -> Option<&Personal<String>> {
        match self {
            Self::Unregistered => None,
            Self::Pending { password_hash, .. } | Self::Active { password_hash, .. } => {
                Some(password_hash)
            }
        }
    }
}

aggregate!(User, "user", UserEvent, UserError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! A person to tell stories about.

    use super::*;
    use crate::id::UserId;
    use crate::personal::Purpose;

    pub const MOIRA: UserId = UserId::new(7_204_001);
    pub const CHALLENGE: Challenge =
        Challenge { id: ChallengeId::new(7_204_002), expires_at: Moment::from_unix_ms(86_400_000) };

    pub fn email() -> Personal<Email> {
        Personal::new(MOIRA, Purpose::Contact, Email::parse("moira@example.com").unwrap())
    }

    pub fn password_hash() -> Personal<String> {
        Personal::new(MOIRA, Purpose::Security, "$argon2id$…".to_owned())
    }

    pub fn registered() -> UserEvent {
        UserEvent::UserRegistered {
            email: email(),
            username: None,
            full_name: Some(Personal::new(
                MOIRA,
                Purpose::Contact,
                FullName::parse("Moira MacKenzie").unwrap(),
            )),
            phone: None,
            password_hash: password_hash(),
            challenge: CHALLENGE,
        }
    }
}
