//! Creating a tenant.

use super::{Tenant, TenantError, TenantEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct CreateTenant {
    pub name: String,
}

impl Command<Tenant> for CreateTenant {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, tenant: &Tenant) -> Result<Vec<TenantEvent>, TenantError> {
        match tenant {
            Tenant::Absent => Ok(vec![TenantEvent::TenantCreated { name: self.name.clone() }]),
            Tenant::Open(_) => Err(TenantError::Exists),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    fn command() -> CreateTenant {
        CreateTenant { name: "Islay Casks".into() }
    }

    #[test]
    fn a_tenant_is_created_once() {
        let created = TenantEvent::TenantCreated { name: "Islay Casks".into() };
        given::<Tenant>(vec![]).when(command()).then_expect_events(vec![created.clone()]);
        given::<Tenant>(vec![created]).when(command()).then_expect_error(TenantError::Exists);
    }
}
