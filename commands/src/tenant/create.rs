//! Creating a tenant.

use domain::id::TenantId;
use domain::tenant::{CreateTenant, Tenant};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn create_tenant(
        &self,
        asked: &Asked,
        tenant: TenantId,
        name: &str,
    ) -> Result<Done<TenantId>, CommandError> {
        // A tenant's own log begins with its creation, whoever creates it.
        let asked = &asked.in_tenant(tenant);
        let command = CreateTenant { name: name.to_owned() };
        self.execute::<Tenant, _, _>(asked, &tenant.to_string(), &command, tenant).await
    }
}
