//! One look: what the chain says of all open slots of a lane, and what follows from it.

use std::collections::HashMap;

use domain::lane::{Lane, Slot};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::memory::Memory;
use crate::error::CommandError;
use crate::outside::chain::Receipt;
use crate::reactions::ReactionError;

/// A slot, by its nonce.
pub(super) type Numbered = (u64, Slot);

/// Open slots as the chain has them.
pub(super) struct Sight {
    /// In a block that is final by the node's word, with the attempt that stands there.
    pub settled: Vec<(Numbered, String)>,
    /// In a block that may still go away.
    pub included: Vec<(Numbered, String, Receipt)>,
    /// In no block, lowest nonce first.
    pub pending: Vec<Numbered>,
}

impl LaneWorker {
    /// Does the next thing for every open slot; says whether there may be more to do at once.
    pub async fn look(&self, memory: &mut Memory) -> Result<bool, ReactionError> {
        let mut lane = self.lane().await?;
        let open: Vec<Numbered> =
            lane.state.open_slots().map(|(nonce, slot)| (nonce, slot.clone())).collect();
        memory.keep(&open);
        // Where heads are anchored all lanes are open, so that a network is paused as a whole.
        if open.is_empty() && self.waiting.is_empty() && !self.heads_come {
            return Ok(false);
        }
        if *lane.state == Lane::Unopened {
            self.open().await?;
            lane = self.lane().await?;
        }
        let sight = self.sight(open).await?;
        let mut moved = self.settle(&lane, &sight.settled).await?;
        self.record_inclusions(&sight.included, memory).await?;
        self.record_reorgs(&sight.pending).await?;
        moved |= self.lose(&sight.pending, memory).await?;
        // First what is signed already: a signer that is away must not keep it from the network.
        self.send(&sight.pending, memory).await?;
        moved |= self.sign(&lane, &sight.pending, memory).await?;
        if !self.finality.is_broken() {
            moved |= self.assign(&lane, &sight.pending).await?;
        }
        Ok(moved)
    }

    async fn sight(&self, open: Vec<Numbered>) -> Result<Sight, ReactionError> {
        let mut sight = Sight { settled: Vec::new(), included: Vec::new(), pending: Vec::new() };
        if open.is_empty() {
            return Ok(sight);
        }
        // Every attempt is followed, not only the newest: any of them may be the one that wins.
        let hashes: Vec<String> = open
            .iter()
            .flat_map(|(_, slot)| slot.attempts.iter().map(|attempt| attempt.tx_hash.clone()))
            .collect();
        let heads = self.chain.heads().await.map_err(CommandError::from)?;
        let receipts = self.chain.receipts(&hashes).await.map_err(CommandError::from)?;
        for (nonce, slot) in open {
            match standing(&slot, &receipts) {
                Some((hash, receipt)) if receipt.block_number <= heads.finalized => {
                    sight.settled.push(((nonce, slot), hash));
                }
                Some((hash, receipt)) => sight.included.push(((nonce, slot), hash, receipt)),
                None => sight.pending.push((nonce, slot)),
            }
        }
        Ok(sight)
    }
}

/// The attempt of a slot that stands in the chain.
fn standing(slot: &Slot, receipts: &HashMap<String, Receipt>) -> Option<(String, Receipt)> {
    slot.attempts.iter().find_map(|attempt| {
        let receipt = receipts.get(&attempt.tx_hash)?;
        Some((attempt.tx_hash.clone(), receipt.clone()))
    })
}

/// The state of a lane, to decide on with what is about to happen to it.
pub(super) fn state_of(lane: &Loaded<Lane>) -> Lane {
    Lane::clone(&lane.state)
}
