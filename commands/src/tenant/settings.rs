//! How people of a tenant come in, what it wants of their passwords, and how its casks get their tokens.

use domain::command::Command;
use domain::id::TenantId;
use domain::refusal::Kind;
use domain::tenant::{
    ChangePasswordPolicy, ChangeSettings, PasswordPolicy, Settings, Tenant, TenantError,
};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// The tenant is as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantChanged {}

impl Commands {
    pub async fn change_settings(
        &self,
        asked: &Asked,
        tenant: TenantId,
        command: &ChangeSettings,
    ) -> Result<Done<TenantChanged>, CommandError> {
        must_be_their_own(asked, tenant)?;
        asked.must_be_allowed(ChangeSettings::REQUIRES)?;
        if command.proven_mints == Some(true) && self.mint_policies.proving().is_empty() {
            return Err(CommandError::Refused {
                kind: Kind::IllegalState,
                code: "ILLEGAL_STATE",
                message: "no network here has a contract that wants approvals proven".to_owned(),
                state: None,
            });
        }
        let answer = TenantChanged {};
        self.execute::<Tenant, _, _>(asked, &tenant.to_string(), command, answer).await
    }

    pub async fn change_password_policy(
        &self,
        asked: &Asked,
        tenant: TenantId,
        policy: PasswordPolicy,
    ) -> Result<Done<TenantChanged>, CommandError> {
        must_be_their_own(asked, tenant)?;
        let (command, answer) = (ChangePasswordPolicy { policy }, TenantChanged {});
        self.execute::<Tenant, _, _>(asked, &tenant.to_string(), &command, answer).await
    }

    /// What is in force, and the sequence it stands at.
    pub async fn settings_of(&self, tenant: TenantId) -> Result<(Settings, i64), CommandError> {
        let loaded = self.store.load_fresh::<Tenant>(tenant, &tenant.to_string()).await?;
        Ok((*loaded.state.settings()?, loaded.sequence))
    }
}

/// Another tenant's is not there.
fn must_be_their_own(asked: &Asked, tenant: TenantId) -> Result<(), CommandError> {
    if asked.context.tenant() == tenant { Ok(()) } else { Err(TenantError::Absent.into()) }
}
