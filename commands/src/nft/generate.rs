//! Asking for a cask's token: the cask and its token move in one commit.

use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use domain::nft::{Nft, Order, RequestMint};
use domain::permission::Permission;
use domain::violation::Violation;
use domain::whiskey::{StartTokenisation, Whiskey};

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
        let owner = asked.context.actor.user();
        let owner = owner.ok_or(CommandError::Forbidden(Permission::GENERATE_NFT))?;
        let order = self.order(generation)?;
        let id = generation.whiskey.to_string();

        self.once(asked, || async {
            let start = StartTokenisation { by: owner, network: order.network.clone() };
            let (whiskey, started) = self.decide::<Whiskey, _>(asked, &id, &start).await?;
            let request = RequestMint { whiskey: generation.whiskey, owner, order: order.clone() };
            // If-Match speaks of the cask; the token's stream is ours to keep in step.
            let unconditional = Asked { if_match: None, ..asked.clone() };
            let (nft, requested) = self.decide::<Nft, _>(&unconditional, &id, &request).await?;
            let commit = self.begin(asked).append(&whiskey, started).append(&nft, requested);
            self.commit(asked, &generation.whiskey, commit).await
        })
        .await
    }

    fn order(&self, generation: &Generation) -> Result<Order, CommandError> {
        let Some(policy) = self.mint_policies.of(generation.network.as_deref()) else {
            let violation = Violation::NotOneOf(self.mint_policies.names().join(", "));
            return Err(CommandError::Invalid { field: "network", violation });
        };
        Ok(Order {
            network: policy.network.clone(),
            chain_id: policy.chain_id,
            contract: policy.contract,
            recipient: generation.recipient.unwrap_or(policy.custody),
        })
    }
}
