//! Asking for a cask's token: the cask and its token move in one commit.

use domain::command::Command;
use domain::id::{TenantId, WhiskeyId};
use domain::nft::address::EvmAddress;
use domain::nft::{Nft, Order, RequestMint};
use domain::permission::Permission;
use domain::violation::Violation;
use domain::whiskey::{StartTokenisation, StartTokenisationForOwner, Whiskey};

use super::MintPolicy;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Generation {
    pub whiskey: WhiskeyId,
    /// The network by name; the configured one if none is given.
    pub network: Option<String>,
    /// Who is to hold the token; the platform's custody if nobody is named.
    pub recipient: Option<EvmAddress>,
}

impl Commands {
    pub async fn generate_nft(
        &self,
        asked: &Asked,
        generation: &Generation,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(Permission::GENERATE_NFT)?;
        let by = asked.context.actor.user();
        let by = by.ok_or(CommandError::Forbidden(Permission::GENERATE_NFT))?;
        let order = self.order(asked.context.tenant(), generation).await?;
        let start = StartTokenisation { by, network: order.network.clone() };
        self.request_mint(asked, generation.whiskey, &order, &start).await
    }

    /// An operator has a cask's token minted for its owner, to a wallet they name.
    pub async fn mint_nft(
        &self,
        asked: &Asked,
        generation: &Generation,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(Permission::OPERATE_MINTS)?;
        let order = self.order(asked.context.tenant(), generation).await?;
        let start = StartTokenisationForOwner { network: order.network.clone() };
        self.request_mint(asked, generation.whiskey, &order, &start).await
    }

    async fn request_mint<C: Command<Whiskey> + Sync>(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        order: &Order,
        start: &C,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let id = whiskey.to_string();
        self.once(asked, || async {
            let (cask, started) = self.decide::<Whiskey, _>(asked, &id, start).await?;
            let owner = cask.state.entry()?.owner;
            let request = RequestMint { whiskey, owner, order: order.clone() };
            // If-Match speaks of the cask; the token's stream is ours to keep in step.
            let unconditional = Asked { if_match: None, ..asked.clone() };
            let (nft, requested) = self.decide::<Nft, _>(&unconditional, &id, &request).await?;
            let commit = self.begin(asked).append(&cask, started).append(&nft, requested);
            self.commit(asked, &whiskey, commit).await
        })
        .await
    }

    async fn order(
        &self,
        tenant: TenantId,
        generation: &Generation,
    ) -> Result<Order, CommandError> {
        let policy = self.mint_policy(generation.network.as_deref())?;
        Ok(Order {
            network: policy.network.clone(),
            chain_id: policy.chain_id,
            contract: self.contract_of(tenant, policy).await?,
            recipient: generation.recipient.unwrap_or(policy.custody),
        })
    }

    /// The contract that mints for a tenant on a network.
    async fn contract_of(
        &self,
        tenant: TenantId,
        policy: &MintPolicy,
    ) -> Result<EvmAddress, CommandError> {
        Ok(self.proven_contract(tenant, policy).await?.unwrap_or(policy.contract))
    }

    /// The one that wants approvals proven, if the tenant does.
    pub(super) async fn proven_contract(
        &self,
        tenant: TenantId,
        policy: &MintPolicy,
    ) -> Result<Option<EvmAddress>, CommandError> {
        let (settings, _) = self.settings_of(tenant).await?;
        if !settings.proven_mints {
            return Ok(None);
        }
        let refused = || {
            let violation = Violation::NotOneOf(self.mint_policies.proving().join(", "));
            CommandError::Invalid { field: "network", violation }
        };
        policy.proven_contract.map(Some).ok_or_else(refused)
    }

    /// The network of this name, or the one for whoever names none.
    pub fn mint_policy(&self, network: Option<&str>) -> Result<&MintPolicy, CommandError> {
        self.mint_policies.of(network).ok_or_else(|| {
            let violation = Violation::NotOneOf(self.mint_policies.names().join(", "));
            CommandError::Invalid { field: "network", violation }
        })
    }
}
