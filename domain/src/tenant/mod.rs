//! Tenant: an organisation on the platform.

mod create;

pub use create::CreateTenant;
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
    Open,
}

events! {
    pub enum TenantEvent {
        TenantCreated = "tenant.created" v 1 { name: String },
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
            TenantEvent::TenantCreated { .. } => *self = Self::Open,
        }
    }

    /// Refuses work for a tenant that does not exist.
    pub fn must_be_open(&self) -> Result<(), TenantError> {
        match self {
            Self::Open => Ok(()),
            Self::Absent => Err(TenantError::Absent),
        }
    }
}

aggregate!(Tenant, "tenant", TenantEvent, TenantError, snapshot 1);
