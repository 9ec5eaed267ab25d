//! User: a person in one tenant.

pub mod email;
pub mod names;
pub mod password;

mod account;
mod announce_expiry;
mod assign_role;
mod change_password;
mod change_profile;
mod change_status;
mod erase;
mod error;
mod lawful;
mod lock;
mod password_set_1_to_2;
mod record_registration_attempt;
mod register;
mod registered_1_to_2;
mod rehash_password;
mod request_verification;
mod reset_password;
mod sign_in;
mod verify_email;
mod withdraw_name;

use std::collections::BTreeSet;

pub use account::{Account, FORMER_PASSWORDS, Status};
pub use announce_expiry::{AnnounceExpiry, EXPIRY_NOTICE};
pub use assign_role::AssignRole;
pub use change_password::ChangePassword;
pub use change_profile::ChangeProfile;
pub use change_status::ChangeStatus;
pub use erase::EraseUser;
pub use error::UserError;
pub use lock::{RecordLock, RecordUnlock};
pub use password_set_1_to_2::{PASSWORD_CHANGED_1_TO_2, PASSWORD_RESET_1_TO_2};
pub use record_registration_attempt::RecordRegistrationAttempt;
pub use register::{EMAIL_CHALLENGE_LIFE, RegisterUser};
pub use registered_1_to_2::REGISTERED_1_TO_2;
pub use rehash_password::RehashPassword;
pub use request_verification::RequestVerification;
pub use reset_password::{PASSWORD_CHALLENGE_LIFE, RequestPasswordReset, ResetPassword};
use serde::{Deserialize, Serialize};
pub use sign_in::Credentials;
pub use verify_email::VerifyEmail;
pub use withdraw_name::{Name, WithdrawName};

use self::email::Email;
use self::names::{FullName, Phone, Username};
use crate::command::aggregate;
use crate::event::events;
use crate::id::ChallengeId;
use crate::language::Language;
use crate::moment::Moment;
use crate::personal::Personal;
use crate::role::Role;

/// What rules need to know of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "nearly every user is registered")]
pub enum User {
    #[default]
    Unregistered,
    Registered(Account),
    /// Nobody any more; the id is not given to anybody else.
    Erased,
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
        UserRegistered = "user.registered" v 2 {
            email: Personal<Email>,
            username: Option<Personal<Username>>,
            full_name: Option<Personal<FullName>>,
            phone: Option<Personal<Phone>>,
            /// What letters to them are written in.
            language: Language,
            password_hash: Personal<String>,
            /// When the password was set, if that was noted then.
            at: Option<Moment>,
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
        /// Asked again whether the address is theirs.
        EmailVerificationRequested = "user.email_verification_requested" v 1 {
            email: Personal<Email>,
            challenge: Challenge,
        },
        PasswordResetRequested = "user.password_reset_requested" v 1 {
            email: Personal<Email>,
            challenge: Challenge,
        },
        PasswordReset = "user.password_reset" v 2 {
            password_hash: Personal<String>,
            at: Option<Moment>,
        },
        PasswordChanged = "user.password_changed" v 2 {
            password_hash: Personal<String>,
            at: Option<Moment>,
        },
        /// The password will not be taken for much longer.
        PasswordExpiryAnnounced = "user.password_expiry_announced" v 1 { until: Moment },
        /// What is given is another one now.
        ProfileChanged = "user.profile_changed" v 1 {
            username: Option<Personal<Username>>,
            full_name: Option<Personal<FullName>>,
            phone: Option<Personal<Phone>>,
            language: Option<Language>,
        },
        /// Somebody else has verified it first.
        NameWithdrawn = "user.name_withdrawn" v 1 { name: Name },
        /// The same password at a higher cost.
        PasswordRehashed = "user.password_rehashed" v 1 { password_hash: Personal<String> },
        UserStatusChanged = "user.status_changed" v 1 { status: Status },
        /// Too many wrong passwords. What counts them is the guard of the identifier; this tells
        /// the owner.
        AccountLocked = "user.account_locked" v 1 { email: Personal<Email>, until: Moment },
        AccountUnlocked = "user.account_unlocked" v 1 {},
        /// What was sealed for this person is gone with the same transaction.
        UserErased = "user.erased" v 1 {},
    }
}

impl User {
    fn fold(&mut self, event: UserEvent) {
        match event {
            UserEvent::UserRegistered {
                email,
                username,
                full_name,
                phone,
                language,
                password_hash,
                at,
                challenge,
            } => {
                *self = Self::Registered(Account {
                    status: Status::Pending,
                    email,
                    username,
                    full_name,
                    phone,
                    language,
                    password_hash,
                    password_set_at: at,
                    expiry_announced: false,
                    former_hashes: Vec::new(),
                    roles: BTreeSet::new(),
                    verification: challenge,
                    reset: None,
                    spent_reset: None,
                });
            }
            UserEvent::UserErased {} => *self = Self::Erased,
            later => {
                if let Self::Registered(account) = self {
                    account.fold(later);
                }
            }
        }
    }

    pub fn account(&self) -> Result<&Account, UserError> {
        match self {
            Self::Unregistered | Self::Erased => Err(UserError::Absent),
            Self::Registered(account) => Ok(account),
        }
    }
}

aggregate!(User, "user", UserEvent, UserError, snapshot 5);

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

    pub const RESET: Challenge =
        Challenge { id: ChallengeId::new(7_204_003), expires_at: Moment::from_unix_ms(3_600_000) };

    pub fn hashed(text: &str) -> Personal<String> {
        Personal::new(MOIRA, Purpose::Security, text.to_owned())
    }

    pub fn password_hash() -> Personal<String> {
        hashed("$argon2id$…")
    }

    /// Somebody who has verified their address.
    pub fn settled() -> Vec<UserEvent> {
        vec![registered(), UserEvent::EmailVerified {}]
    }

    pub fn password_changed(text: &str, at_ms: i64) -> UserEvent {
        let at = Some(Moment::from_unix_ms(at_ms));
        UserEvent::PasswordChanged { password_hash: hashed(text), at }
    }

    pub fn reset_requested() -> UserEvent {
        UserEvent::PasswordResetRequested { email: email(), challenge: RESET }
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
            language: Language::English,
            password_hash: password_hash(),
            at: Some(Moment::from_unix_ms(0)),
            challenge: CHALLENGE,
        }
    }
}
