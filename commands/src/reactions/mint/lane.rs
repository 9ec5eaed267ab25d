//! One lane at work: opening it, and looking again and again at what is left to do.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::id::TenantId;
use domain::lane::{Lane, OpenLane};
use domain::nft::address::EvmAddress;
use eventstore::Loaded;
use eventstore::ledger::read::Ledger;
use tokio_util::sync::CancellationToken;

use super::anchor::Anchoring;
use super::asked;
use super::finality::Finality;
use super::memory::Memory;
use super::waiting::Waiting;
use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::outside::chain::{Chain, Signer};
use crate::reactions::ReactionError;

/// Looks at a chain come this many times in a block's time, so that an inclusion is seen soon.
const LOOKS_A_BLOCK: u32 = 8;
/// Whoever comes within this part of a block's time goes along with the first.
const GATHERINGS_A_BLOCK: u32 = 40;

/// Drives the slots of one signer on one network.
pub(super) struct LaneWorker {
    pub commands: Commands,
    pub ledger: Ledger,
    pub chain: Arc<dyn Chain>,
    pub signer: Arc<dyn Signer>,
    /// Whether it mints; else it only keeps heads of the ledger at the contracts.
    pub mints: bool,
    pub in_flight: usize,
    pub mints_in_one: usize,
    /// Those tokens are minted by; none where there is none yet.
    pub contracts: BTreeSet<EvmAddress>,
    /// The one of them that is only ever asked with a proof.
    pub proven_contract: Option<EvmAddress>,
    pub may_deploy: bool,
    pub waiting: Arc<Waiting>,
    pub finality: Arc<Finality>,
    /// The contracts this lane keeps heads at.
    pub anchorings: Arc<[Anchoring]>,
    /// Whether any lane of the network keeps heads there.
    pub heads_come: bool,
}

impl LaneWorker {
    /// Looks until stopped. What cannot be done now is tried at the next look.
    pub async fn drive(&self, stop: CancellationToken) {
        let mut memory = Memory::default();
        let pause = self.chain.block_time() / LOOKS_A_BLOCK;
        let gathering = self.chain.block_time() / GATHERINGS_A_BLOCK;
        while !stop.is_cancelled() {
            match self.look(&mut memory).await {
                // There may be more to do at once.
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(lane = self.id(), %error, "the lane was not driven"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.waiting.rung() => tokio::time::sleep(gathering).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    pub fn id(&self) -> String {
        format!("{}-{}", self.chain.chain_id(), self.signer.address())
    }

    /// The circumstances of what is done in this lane for one mint or for many.
    pub fn asked(&self, correlation: &str) -> Asked {
        asked(TenantId::PLATFORM, correlation, "chain")
    }

    /// The lane as the log has it.
    pub async fn lane(&self) -> Result<Loaded<Lane>, ReactionError> {
        let lane = self.commands.store.load_fresh::<Lane>(TenantId::PLATFORM, &self.id()).await;
        Ok(lane.map_err(CommandError::from)?)
    }

    /// Opens the lane at the chain's own count, at its first use.
    pub async fn open(&self) -> Result<(), ReactionError> {
        let nonce = self.chain.nonce(self.signer.address()).await;
        let open = OpenLane {
            network: self.chain.network().to_owned(),
            chain_id: self.chain.chain_id(),
            signer: self.signer.address().to_string(),
            base_nonce: nonce.map_err(CommandError::from)?,
        };
        let asked = self.asked("first use");
        match self.commands.execute::<Lane, _, _>(&asked, &self.id(), &open, ()).await {
            // Another worker opened it just now.
            Ok(_) | Err(CommandError::Refused { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
