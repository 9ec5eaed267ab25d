//! How people of a tenant come in, and how its casks get their tokens.

use super::{Tenant, TenantError, TenantEvent};
use crate::command::Command;
use crate::permission::Permission;

/// What is none stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeSettings {
    pub sign_in_code: Option<bool>,
    pub reveal_existing_email: Option<bool>,
    pub proven_mints: Option<bool>,
}

impl Command<Tenant> for ChangeSettings {
    const REQUIRES: Permission = Permission::MANAGE_TENANT;

    fn decide(&self, tenant: &Tenant) -> Result<Vec<TenantEvent>, TenantError> {
        let present = tenant.settings()?;
        let mut events = Vec::new();
        let sign_in_code = self.sign_in_code.unwrap_or(present.sign_in_code);
        let reveal_existing_email =
            self.reveal_existing_email.unwrap_or(present.reveal_existing_email);
        if (sign_in_code, reveal_existing_email)
            != (present.sign_in_code, present.reveal_existing_email)
        {
            events.push(TenantEvent::SettingsChanged { sign_in_code, reveal_existing_email });
        }
        if let Some(proven_mints) = self.proven_mints.filter(|it| *it != present.proven_mints) {
            events.push(TenantEvent::ProvenMintsChanged { proven_mints });
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn only_what_is_given_changes() {
        let created = TenantEvent::TenantCreated { name: "Islay Casks".into() };
        let change = |sign_in_code, reveal_existing_email, proven_mints| ChangeSettings {
            sign_in_code,
            reveal_existing_email,
            proven_mints,
        };
        let changed = |sign_in_code, reveal_existing_email| TenantEvent::SettingsChanged {
            sign_in_code,
            reveal_existing_email,
        };
        let proven = |proven_mints| TenantEvent::ProvenMintsChanged { proven_mints };
        given::<Tenant>(vec![created.clone()])
            .when(change(Some(true), None, None))
            .then_expect_events(vec![changed(true, false)]);
        given::<Tenant>(vec![created.clone(), changed(true, false)])
            .when(change(None, Some(true), None))
            .then_expect_events(vec![changed(true, true)]);
        given::<Tenant>(vec![created.clone()])
            .when(change(None, None, Some(true)))
            .then_expect_events(vec![proven(true)]);
        given::<Tenant>(vec![created.clone(), proven(true)])
            .when(change(Some(true), None, Some(false)))
            .then_expect_events(vec![changed(true, false), proven(false)]);
        given::<Tenant>(vec![created])
            .when(change(Some(false), None, Some(false)))
            .then_expect_events(vec![]);
    }
}
