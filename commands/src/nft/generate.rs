//! Asking for a cask's token: the cask and its token move in one commit.

use domain::command::Command;
use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use domain::nft::{Nft, Order, RequestMint};
use domain::permission::Permission;
use domain::refusal::Kind;
use domain::tenant::{Settings, Tenant};
use domain::violation::Violation;
use domain::whiskey::{StartTokenisation, StartTokenisationForOwner, Whiskey};
use eventstore::Loaded;

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
        self.request_mint(asked, generation, |network| StartTokenisation { by, network }).await
    }

    /// An operator has a cask's token minted for its owner, to a wallet they name.
    pub async fn mint_nft(
        &self,
        asked: &Asked,
        generation: &Generation,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(Permission::OPERATE_MINTS)?;
        self.request_mint(asked, generation, |network| StartTokenisationForOwner { network }).await
    }

    async fn request_mint<C: Command<Whiskey> + Sync>(
        &self,
        asked: &Asked,
        generation: &Generation,
        start: impl Fn(String) -> C,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let policy = self.mint_policy(generation.network.as_deref())?;
        let (whiskey, id) = (generation.whiskey, generation.whiskey.to_string());
        let start = start(policy.network.clone());
        self.once(asked, || async {
            let tenant = self.tenant(asked).await?;
            let proven = self.proven_contract(tenant.state.settings()?, policy)?;
            let order = Order {
                network: policy.network.clone(),
                chain_id: policy.chain_id,
                contract: proven.unwrap_or(policy.contract),
                recipient: generation.recipient.unwrap_or(policy.custody),
            };
            let (cask, started) = self.decide::<Whiskey, _>(asked, &id, &start).await?;
            let owner = cask.state.entry()?.owner;
            let request = RequestMint { whiskey, owner, order };
            // If-Match speaks of the cask; the token's stream is ours to keep in step.
            let unconditional = Asked { if_match: None, ..asked.clone() };
            let (nft, requested) = self.decide::<Nft, _>(&unconditional, &id, &request).await?;
            let commit = self.begin(asked).expecting(&tenant);
            let commit = commit.append(&cask, started).append(&nft, requested);
            self.commit(asked, &whiskey, commit).await
        })
        .await
    }

    /// Whoever asks, by their tenant.
    pub(super) async fn tenant(&self, asked: &Asked) -> Result<Loaded<Tenant>, CommandError> {
        let tenant = asked.context.tenant();
        Ok(self.store.load_fresh::<Tenant>(tenant, &tenant.to_string()).await?)
    }

    /// The contract of a network that wants approvals proven, if the tenant does.
    pub(super) fn proven_contract(
        &self,
        settings: &Settings,
        policy: &MintPolicy,
    ) -> Result<Option<EvmAddress>, CommandError> {
        let refused = || CommandError::Refused {
            kind: Kind::IllegalState,
            code: "ILLEGAL_STATE",
            message: format!(
                "the tenant wants approvals proven, and no contract on {} does; those that have one: {}",
                policy.network,
                self.mint_policies.proving().join(", ")
            ),
            state: None,
        };
        match (settings.proven_mints, policy.proven_contract) {
            (false, _) => Ok(None),
            (true, None) => Err(refused()),
            (true, proven) => Ok(proven),
        }
    }

    /// The network of this name, or the one for whoever names none.
    pub fn mint_policy(&self, network: Option<&str>) -> Result<&MintPolicy, CommandError> {
        self.mint_policies.of(network).ok_or_else(|| {
            let violation = Violation::NotOneOf(self.mint_policies.names().join(", "));
            CommandError::Invalid { field: "network", violation }
        })
    }
}
