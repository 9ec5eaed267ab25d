//! User: a person in one tenant.

pub mod email;
pub mod names;
pub mod password;

mod assign_role;
mod change_password;
mod change_status;
mod erase;
mod lock;
mod record_registration_attempt;
mod register;
mod rehash_password;
mod request_verification;
mod reset_password;
mod sign_in;
mod verify_email;
mod withdraw_name;

use std::collections::BTreeSet;

pub use assign_role::AssignRole;
pub use change_password::ChangePassword;
pub use change_status::ChangeStatus;
pub use erase::EraseUser;
pub use lock::{RecordLock, RecordUnlock};
pub use record_registration_attempt::RecordRegistrationAttempt;
pub use register::{EMAIL_CHALLENGE_LIFE, RegisterUser};
pub use rehash_password::RehashPassword;
pub use request_verification::RequestVerification;
pub use reset_password::{PASSWORD_CHALLENGE_LIFE, RequestPasswordReset, ResetPassword};
use serde::{Deserialize, Serialize};
pub use sign_in::Credentials;
use thiserror::Error;
pub use verify_email::VerifyEmail;
pub use withdraw_name::{Name, WithdrawName};

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
#[expect(clippy::large_enum_variant, reason = "nearly every user is registered")]
pub enum User {
    #[default]
    Unregistered,
    Registered(Account),
    /// Nobody any more; the id is not given to anybody else.
    Erased,
}

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub status: Status,
    pub email: Personal<Email>,
    pub username: Option<Personal<Username>>,
    pub full_name: Option<Personal<FullName>>,
    pub phone: Option<Personal<Phone>>,
    pub password_hash: Personal<String>,
    /// Those before it, newest first: none of them may come again.
    pub former_hashes: Vec<Personal<String>>,
    roles: BTreeSet<Role>,
    /// The newest question whether the address is theirs.
    verification: Challenge,
    /// The newest question whether they want another password.
    reset: Option<Challenge>,
    /// The last one that was answered.
    spent_reset: Option<ChallengeId>,
}

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Registered, the e-mail address not yet verified.
    Pending,
    Active,
    /// By an administrator, for a reason.
    Suspended,
    /// Not in use any more.
    Inactive,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// How many passwords before the present one may not come again.
pub const FORMER_PASSWORDS: usize = 4;

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
        /// Asked again whether the address is theirs.
        EmailVerificationRequested = "user.email_verification_requested" v 1 {
            email: Personal<Email>,
            challenge: Challenge,
        },
        PasswordResetRequested = "user.password_reset_requested" v 1 {
            email: Personal<Email>,
            challenge: Challenge,
        },
        PasswordReset = "user.password_reset" v 1 { password_hash: Personal<String> },
        PasswordChanged = "user.password_changed" v 1 { password_hash: Personal<String> },
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
    #[error("the account is suspended")]
    Suspended,
    #[error("the password that was to confirm it is wrong")]
    NotReallyThem,
    #[error("the password was used before")]
    PasswordReused,
    #[error("the account is {0}, so its status cannot be changed to {1}")]
    StatusStays(&'static str, &'static str),
}

impl Refusal for UserError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::AlreadyRegistered => Kind::Taken,
            Self::WrongChallenge
            | Self::ChallengeExpired
            | Self::WrongCredentials
            | Self::NotReallyThem => Kind::Unauthenticated,
            Self::ChallengeSpent => Kind::Spent,
            Self::NotActivated | Self::Suspended => Kind::Forbidden,
            Self::PasswordReused => Kind::Invalid,
            Self::StatusStays(..) => Kind::IllegalState,
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
            Self::Suspended => "ACCOUNT_SUSPENDED",
            Self::NotReallyThem => "REAUTHENTICATION_REQUIRED",
            Self::PasswordReused => "PASSWORD_REUSE",
            Self::StatusStays(..) => "ILLEGAL_STATE",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::StatusStays(state, _) => Some((state, "change_status")),
            _ => None,
        }
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
                password_hash,
                challenge,
            } => {
                *self = Self::Registered(Account {
                    status: Status::Pending,
                    email,
                    username,
                    full_name,
                    phone,
                    password_hash,
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

impl Account {
    fn fold(&mut self, event: UserEvent) {
        match event {
            UserEvent::UserRegistered { .. }
            | UserEvent::UserErased {}
            | UserEvent::RegistrationAttempted { .. }
            | UserEvent::AccountLocked { .. }
            | UserEvent::AccountUnlocked {} => {}
            UserEvent::EmailVerified {} => {
                self.status = Status::Active;
                self.roles.insert(Role::Member);
            }
            UserEvent::NameWithdrawn { name: Name::Username } => self.username = None,
            UserEvent::NameWithdrawn { name: Name::Phone } => self.phone = None,
            UserEvent::RoleAssigned { role } => {
                self.roles.insert(role);
            }
            UserEvent::EmailVerificationRequested { challenge, .. } => {
                self.verification = challenge;
            }
            UserEvent::PasswordResetRequested { challenge, .. } => self.reset = Some(challenge),
            UserEvent::PasswordReset { password_hash } => {
                self.spent_reset = self.reset.take().map(|challenge| challenge.id);
                self.take_password(password_hash);
            }
            UserEvent::PasswordChanged { password_hash } => {
                self.reset = None;
                self.take_password(password_hash);
            }
            UserEvent::PasswordRehashed { password_hash } => self.password_hash = password_hash,
            UserEvent::UserStatusChanged { status } => {
                self.reset = None;
                self.status = status;
            }
        }
    }

    fn take_password(&mut self, password_hash: Personal<String>) {
        let former = std::mem::replace(&mut self.password_hash, password_hash);
        self.former_hashes.insert(0, former);
        self.former_hashes.truncate(FORMER_PASSWORDS);
    }

    /// Who is in use of their account.
    pub(super) fn must_be_active(&self) -> Result<(), UserError> {
        match self.status {
            Status::Pending => Err(UserError::NotActivated),
            Status::Active => Ok(()),
            Status::Suspended | Status::Inactive => Err(UserError::Suspended),
        }
    }
}

aggregate!(User, "user", UserEvent, UserError, snapshot 4);

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
            password_hash: password_hash(),
            challenge: CHALLENGE,
        }
    }
}
