//! A person's account: what rules need to know of it, and how events change it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::email::Email;
use super::names::{FullName, Phone, Username};
use super::{Challenge, Name, UserError, UserEvent};
use crate::id::ChallengeId;
use crate::language::Language;
use crate::moment::Moment;
use crate::personal::Personal;
use crate::role::Role;

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub status: Status,
    pub email: Personal<Email>,
    pub username: Option<Personal<Username>>,
    pub full_name: Option<Personal<FullName>>,
    pub phone: Option<Personal<Phone>>,
    pub language: Language,
    pub password_hash: Personal<String>,
    pub password_set_at: Option<Moment>,
    /// That the password will not be taken for much longer.
    pub(super) expiry_announced: bool,
    /// Those before it, newest first: none of them may come again.
    pub former_hashes: Vec<Personal<String>>,
    pub(super) roles: BTreeSet<Role>,
    /// The newest question whether the address is theirs.
    pub(super) verification: Challenge,
    /// The newest question whether they want another password.
    pub(super) reset: Option<Challenge>,
    /// The last one that was answered.
    pub(super) spent_reset: Option<ChallengeId>,
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

impl Account {
    pub(super) fn fold(&mut self, event: UserEvent) {
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
            UserEvent::PasswordExpiryAnnounced { .. } => self.expiry_announced = true,
            UserEvent::ProfileChanged { username, full_name, phone, language } => {
                self.username = username.or(self.username.take());
                self.full_name = full_name.or(self.full_name.take());
                self.phone = phone.or(self.phone.take());
                self.language = language.unwrap_or(self.language);
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
            UserEvent::PasswordReset { password_hash, at } => {
                self.spent_reset = self.reset.take().map(|challenge| challenge.id);
                self.take_password(password_hash, at);
            }
            UserEvent::PasswordChanged { password_hash, at } => {
                self.reset = None;
                self.take_password(password_hash, at);
            }
            UserEvent::PasswordRehashed { password_hash } => self.password_hash = password_hash,
            UserEvent::UserStatusChanged { status } => {
                self.reset = None;
                self.status = status;
            }
        }
    }

    fn take_password(&mut self, password_hash: Personal<String>, at: Option<Moment>) {
        self.password_set_at = at;
        self.expiry_announced = false;
        let former = std::mem::replace(&mut self.password_hash, password_hash);
        self.former_hashes.insert(0, former);
        self.former_hashes.truncate(FORMER_PASSWORDS);
    }

    /// Who is in use of their account.
    pub fn must_be_active(&self) -> Result<(), UserError> {
        match self.status {
            Status::Pending => Err(UserError::NotActivated),
            Status::Active => Ok(()),
            Status::Suspended | Status::Inactive => Err(UserError::Suspended),
        }
    }
}
