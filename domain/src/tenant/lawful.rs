//! Which commands may have brought a tenant's events about.

use super::{ChangePasswordPolicy, ChangeSettings, CreateTenant, Tenant, TenantEvent};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for Tenant {
    fn causes(&self, event: &TenantEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event {
            TenantEvent::TenantCreated { name } => {
                Decision::of(CreateTenant { name: name.clone() })
            }
            TenantEvent::SettingsChanged { sign_in_code, reveal_existing_email } => {
                Decision::of(ChangeSettings {
                    sign_in_code: Some(*sign_in_code),
                    reveal_existing_email: Some(*reveal_existing_email),
                    proven_mints: None,
                })
            }
            TenantEvent::ProvenMintsChanged { proven_mints } => Decision::of(ChangeSettings {
                sign_in_code: None,
                reveal_existing_email: None,
                proven_mints: Some(*proven_mints),
            }),
            TenantEvent::PasswordPolicyChanged { policy } => {
                Decision::of(ChangePasswordPolicy { policy: *policy })
            }
        }]
    }
}
