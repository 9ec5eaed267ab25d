//! Following the contract: every transfer in a final block comes into the log of its token. What is
//! final is never taken back, so nothing here has to be.
//!
//! A mint that is on the chain and not in the log is somebody else's doing, or a log that was lost.

use std::sync::Arc;

use domain::contract::{Contract, RecordFollowed};
use domain::id::TenantId;
use domain::nft::address::EvmAddress;
use domain::nft::{Nft, Order, RecordTransfer};
use eventstore::Loaded;
use tokio_util::sync::CancellationToken;

use super::asked;
use super::finality::Finality;
use crate::error::CommandError;
use crate::execute::Commands;
use crate::outside::chain::{Chain, Transfer};
use crate::reactions::ReactionError;

/// Blocks in one question: nodes refuse more.
const AT_ONCE: u64 = 1_000;
/// Where nothing happens, this many blocks may be read again after a restart.
const REMEMBERED_EVERY: u64 = 5_000;

/// Follows the contract of one network.
pub(super) struct Follower {
    pub commands: Commands,
    pub chain: Arc<dyn Chain>,
    pub contract: EvmAddress,
    pub finality: Arc<Finality>,
}

/// What became of a transfer.
enum Followed {
    /// In the log, now or before.
    Known,
    /// Its mint is not settled yet: the lane does that.
    NotYet,
}

impl Follower {
    /// Follows until stopped.
    pub async fn follow(&self, stop: CancellationToken) {
        let mut next = None;
        loop {
            let more = match self.follow_on(&mut next).await {
                Ok(more) => more,
                Err(error) => {
                    let network = self.chain.network();
                    tracing::warn!(network, %error, "the contract was not followed");
                    false
                }
            };
            if more && !stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.chain.block_time()) => {}
            }
        }
    }

    /// Reads some blocks; says whether there are more.
    async fn follow_on(&self, next: &mut Option<u64>) -> Result<bool, ReactionError> {
        let contract: Loaded<Contract> = self.load().await?;
        let remembered = contract.state.next_block();
        let from = next.unwrap_or(remembered).max(remembered);
        let finalized = self.chain.heads().await.map_err(CommandError::from)?.finalized;
        let watched = self.finality.watch(&*self.chain, finalized).await;
        watched.map_err(CommandError::from)?;
        if from > finalized {
            return Ok(false);
        }
        let to = finalized.min(from + AT_ONCE - 1);
        let transfers =
            self.chain.transfers(self.contract, from, to).await.map_err(CommandError::from)?;
        for transfer in &transfers {
            if let Followed::NotYet = self.record(transfer).await? {
                return Ok(false);
            }
        }
        if !transfers.is_empty() || to + 1 >= remembered + REMEMBERED_EVERY {
            self.remember(to).await?;
        }
        *next = Some(to + 1);
        Ok(to < finalized)
    }

    async fn record(&self, transfer: &Transfer) -> Result<Followed, ReactionError> {
        let id = transfer.token.to_string();
        let journal = self.commands.store.journal();
        let tenant = journal.tenant_of("nft", &id).await;
        let tenant = tenant.map_err(|error| ReactionError::NotYet(error.to_string()))?;
        let Some((tenant, cask)) = tenant.zip(transfer.token.cask()) else {
            self.alarm(transfer, "nobody here has asked for this token");
            return Ok(Followed::Known);
        };
        let nft: Loaded<Nft> = self.commands.mint_state(tenant, cask).await?;
        let is_ours = |order: &Order| {
            (order.chain_id, order.contract) == (self.chain.chain_id(), self.contract)
        };
        if !nft.state.order().is_some_and(is_ours) {
            // Whatever happens to it says nothing of the cask's own token.
            self.alarm(transfer, "it was not ordered of the contract that has this token");
            return Ok(Followed::Known);
        }
        match nft.state.as_ref() {
            Nft::Assigned { .. } => return Ok(Followed::NotYet),
            Nft::Confirmed { .. } | Nft::Burned { .. } => {}
            Nft::Unrequested | Nft::Requested { .. } | Nft::Pinned { .. } | Nft::Failed { .. } => {
                self.alarm(transfer, "the log says that this token is not minted");
                return Ok(Followed::Known);
            }
        }
        if transfer.from != EvmAddress::ZERO {
            self.move_token(tenant, transfer).await?;
        }
        Ok(Followed::Known)
    }

    async fn move_token(&self, tenant: TenantId, transfer: &Transfer) -> Result<(), ReactionError> {
        let Transfer { token, from, to, at } = transfer.clone();
        let asked = asked(tenant, &format!("mint:{token}"), "chain");
        let record = RecordTransfer { from, to, at };
        self.commands.execute::<Nft, _, _>(&asked, &token.to_string(), &record, ()).await?;
        Ok(())
    }

    fn alarm(&self, transfer: &Transfer, why: &str) {
        let (network, token, tx_hash) =
            (self.chain.network(), &transfer.token, &transfer.at.tx_hash);
        tracing::error!(network, %token, tx_hash, "ALARM: {why}");
    }

    async fn remember(&self, block: u64) -> Result<(), ReactionError> {
        let hash = self.chain.block_hash(block).await.map_err(CommandError::from)?;
        let Some(block_hash) = hash else { return Ok(()) };
        let network = self.chain.network().to_owned();
        let followed = RecordFollowed { network, block, block_hash };
        let asked = asked(TenantId::PLATFORM, &self.id(), "chain");
        self.commands.execute::<Contract, _, _>(&asked, &self.id(), &followed, ()).await?;
        Ok(())
    }

    async fn load(&self) -> Result<Loaded<Contract>, ReactionError> {
        let store = &self.commands.store;
        let loaded = store.load_fresh::<Contract>(TenantId::PLATFORM, &self.id()).await;
        Ok(loaded.map_err(CommandError::from)?)
    }

    fn id(&self) -> String {
        format!("{}-{}", self.chain.chain_id(), self.contract)
    }
}
