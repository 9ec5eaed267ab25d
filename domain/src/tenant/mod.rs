//! Tenant: an organisation on the platform.

mod change_settings;
mod create;
mod lawful;
pub mod password_policy;

pub use change_settings::ChangeSettings;
pub use create::CreateTenant;
pub use password_policy::{ChangePasswordPolicy, PasswordPolicy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::refusal::{Kind, Refusal};

/// What rules need to know of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tenant {
    #[default]
    Absent,
    Open(Settings),
}

/// How its people come in, and how its casks get their tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// After the password, a code that is mailed.
    pub sign_in_code: bool,
    /// Whoever registers with an address that has an account is told so.
    pub reveal_existing_email: bool,
    pub passwords: PasswordPolicy,
    /// Its tokens are minted by contracts that want each approval proven.
    pub proven_mints: bool,
}

events! {
    pub enum TenantEvent {
        TenantCreated = "tenant.created" v 1 { name: String },
        SettingsChanged = "tenant.settings_changed" v 1 {
            sign_in_code: bool,
            reveal_existing_email: bool,
        },
        PasswordPolicyChanged = "tenant.password_policy_changed" v 1 { policy: PasswordPolicy },
        ProvenMintsChanged = "tenant.proven_mints_changed" v 1 { proven_mints: bool },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum TenantError {
    #[error("the tenant exists already")]
    Exists,
    #[error("there is no such tenant")]
    Absent,
}

impl Refusal for TenantError {
    fn kind(&self) -> Kind {
        match self {
            Self::Exists => Kind::Taken,
            Self::Absent => Kind::Absent,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Exists => "CONFLICT",
            Self::Absent => "TENANT_NOT_FOUND",
        }
    }
}

impl Tenant {
    fn fold(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::TenantCreated { .. } => *self = Self::Open(Settings::default()),
            TenantEvent::SettingsChanged { sign_in_code, reveal_existing_email } => {
                if let Self::Open(settings) = self {
                    settings.sign_in_code = sign_in_code;
                    settings.reveal_existing_email = reveal_existing_email;
                }
            }
            TenantEvent::PasswordPolicyChanged { policy } => {
                if let Self::Open(settings) = self {
                    settings.passwords = policy;
                }
            }
            TenantEvent::ProvenMintsChanged { proven_mints } => {
                if let Self::Open(settings) = self {
                    settings.proven_mints = proven_mints;
                }
            }
        }
    }

    /// Refuses work for a tenant that does not exist.
    pub fn must_be_open(&self) -> Result<(), TenantError> {
        self.settings().map(|_| ())
    }

    pub fn settings(&self) -> Result<&Settings, TenantError> {
        match self {
            Self::Open(settings) => Ok(settings),
            Self::Absent => Err(TenantError::Absent),
        }
    }
}

aggregate!(Tenant, "tenant", TenantEvent, TenantError, snapshot 3);
