//! Asking for a contract. The minting worker makes it, in the lanes that mint.

use domain::deployment::{Deployment, Plan, RequestDeployment};
use domain::id::{DeploymentId, TenantId};
use domain::nft::address::EvmAddress;
use domain::permission::Permission;
use domain::refusal::Kind;

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct WantedContract {
    /// The network by name; the configured one if none is given.
    pub network: Option<String>,
    /// Of the collection, as wallets show it.
    pub name: String,
    pub symbol: String,
    /// Who gives and takes the roles of the contract.
    pub admin: EvmAddress,
}

impl Commands {
    /// For the platform's own operators: a contract is for all tenants.
    pub async fn deploy_contract(
        &self,
        asked: &Asked,
        wanted: &WantedContract,
    ) -> Result<Done<DeploymentId>, CommandError> {
        asked.must_be_allowed(Permission::OPERATE_MINTS)?;
        if asked.context.tenant() != TenantId::PLATFORM {
            return Err(CommandError::Forbidden(Permission::OPERATE_MINTS));
        }
        let policy = self.mint_policy(wanted.network.as_deref())?;
        if !policy.may_deploy {
            return Err(CommandError::Refused {
                kind: Kind::IllegalState,
                code: "ILLEGAL_STATE",
                message: format!("no key makes contracts on {}", policy.network),
                state: None,
            });
        }
        let plan = Plan {
            network: policy.network.clone(),
            chain_id: policy.chain_id,
            name: wanted.name.clone(),
            symbol: wanted.symbol.clone(),
            admin: wanted.admin,
        };
        let request = RequestDeployment { plan };
        self.once(asked, || async {
            let id = DeploymentId::new(self.ids.next()?);
            let (loaded, requested) =
                self.decide_first::<Deployment, _>(asked, &id.to_string(), &request)?;
            let commit = self.begin(asked).append(&loaded, requested);
            self.commit(asked, &id, commit).await
        })
        .await
    }
}
