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
        let command = CreateTenant { name: name.to_owned() };
        self.execute::<Tenant, _, _>(asked, &tenant.to_string(), &command, tenant).await
    }
}
