//! From a nonce to a verdict: sign, write down, broadcast, watch, settle.

use std::time::Duration;

use domain::id::TenantId;
use domain::lane::{Attempt, Lane, SettleSlot, SignAttempt, Slot};
use domain::nft::{
    ConfirmMint, Cost, FailMint, FailureClass, Inclusion, Nft, RecordInclusion, RecordReorg,
    RecordSubmission,
};
use domain::whiskey::{CompleteTokenisation, Whiskey};
use eventstore::Loaded;
use tokio_util::sync::CancellationToken;

use super::Minter;
use crate::error::CommandError;
use crate::execute::Asked;
use crate::outside::chain::{Heads, Mint, Receipt};
use crate::reactions::ReactionError;

/// How often the chain is looked at while slots are open.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Minter {
    /// Drives open slots until stopped. What cannot be done now is tried at the next look.
    pub(super) async fn follow(&self, stop: CancellationToken) {
        loop {
            let waiting = match self.look().await {
                Ok(open) => open > 0,
                Err(error) => {
                    tracing::warn!(%error, "the lane could not be driven");
                    true
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.assigned.notified() => {}
                // Idle lanes are looked at too: another process may have assigned.
                () = tokio::time::sleep(if waiting { LOOK_EVERY } else { LOOK_EVERY * 4 }) => {}
            }
        }
    }

    /// Looks at every open slot once; says how many there are.
    async fn look(&self) -> Result<usize, ReactionError> {
        let lane: Loaded<Lane> = self
            .commands
            .store
            .load_fresh(TenantId::PLATFORM, &self.lane_id())
            .await
            .map_err(CommandError::from)?;
        let open: Vec<(u64, Slot)> =
            lane.state.open_slots().map(|(nonce, slot)| (nonce, slot.clone())).collect();
        if open.is_empty() {
            return Ok(0);
        }
        let heads = self.chain.heads().await.map_err(CommandError::from)?;
        for (nonce, slot) in &open {
            self.drive(*nonce, slot, heads).await?;
        }
        Ok(open.len())
    }

    /// Does the next thing for one slot.
    async fn drive(&self, nonce: u64, slot: &Slot, heads: Heads) -> Result<(), ReactionError> {
        let asked = self.asked_for(slot);
        let Some(newest) = slot.attempts.last() else {
            return self.sign(&asked, nonce, slot).await;
        };
        // Every attempt is followed, not only the newest: any of them may be the one that wins.
        for attempt in &slot.attempts {
            if let Some(receipt) = self.canonical_receipt(attempt).await? {
                return self.included(&asked, nonce, slot, attempt, receipt, heads).await;
            }
        }
        let id = slot.mint.to_string();
        self.record_reorg(&asked, slot).await?;
        self.chain.broadcast(&newest.raw).await;
        let submission = RecordSubmission { tx_hash: newest.tx_hash.clone() };
        self.commands.execute::<Nft, _, _>(&asked, &id, &submission, ()).await?;
        Ok(())
    }

    /// If another block stands where the mint was seen, it is back in the pool.
    async fn record_reorg(&self, asked: &Asked, slot: &Slot) -> Result<(), ReactionError> {
        let nft: Loaded<Nft> = self.load(slot.tenant, slot.mint).await?;
        let Some(seen) = nft.state.inclusion() else {
            return Ok(());
        };
        let now_there =
            self.chain.block_hash(seen.block_number).await.map_err(CommandError::from)?;
        if now_there.is_some_and(|hash| hash != seen.block_hash) {
            let reorg = RecordReorg { gone: seen.clone() };
            let id = slot.mint.to_string();
            self.commands.execute::<Nft, _, _>(asked, &id, &reorg, ()).await?;
        }
        Ok(())
    }

    /// Signs the first attempt and writes it down. It is broadcast at the next look, from the log.
    async fn sign(&self, asked: &Asked, nonce: u64, slot: &Slot) -> Result<(), ReactionError> {
        let nft: Loaded<Nft> = self.load(slot.tenant, slot.mint).await?;
        let Nft::Assigned { order, digest, .. } = nft.state.as_ref() else {
            return Err(ReactionError::Failed(format!("{} has a slot but no nonce", slot.mint)));
        };
        let mut digest_bytes = [0; 32];
        hex::decode_to_slice(digest, &mut digest_bytes)
            .map_err(|_| ReactionError::Failed(format!("{} has no digest", slot.mint)))?;
        let mint = Mint {
            contract: order.contract,
            recipient: order.recipient,
            token: slot.mint,
            digest: digest_bytes,
        };
        let fees = self.chain.fees().await.map_err(CommandError::from)?;
        let attempt = self.chain.sign(nonce, &mint, fees).map_err(CommandError::from)?;
        let in_lane = self.in_lane(asked);
        let sign = SignAttempt { nonce, attempt };
        self.commands.execute::<Lane, _, _>(&in_lane, &self.lane_id(), &sign, ()).await?;
        self.assigned.notify_one();
        Ok(())
    }

    /// The attempt's receipt, if its block is part of the chain.
    async fn canonical_receipt(&self, attempt: &Attempt) -> Result<Option<Receipt>, ReactionError> {
        let receipt = self.chain.receipt(&attempt.tx_hash).await.map_err(CommandError::from)?;
        let Some(receipt) = receipt else {
            return Ok(None);
        };
        let at_height =
            self.chain.block_hash(receipt.block_number).await.map_err(CommandError::from)?;
        Ok((at_height.as_deref() == Some(receipt.block_hash.as_str())).then_some(receipt))
    }

    /// An attempt stands in a block: provisional until that block is final, a verdict then.
    async fn included(
        &self,
        asked: &Asked,
        nonce: u64,
        slot: &Slot,
        attempt: &Attempt,
        receipt: Receipt,
        heads: Heads,
    ) -> Result<(), ReactionError> {
        let inclusion = Inclusion {
            tx_hash: attempt.tx_hash.clone(),
            block_number: receipt.block_number,
            block_hash: receipt.block_hash.clone(),
        };
        if receipt.block_number > heads.finalized {
            let seen = RecordInclusion { inclusion };
            let id = slot.mint.to_string();
            self.commands.execute::<Nft, _, _>(asked, &id, &seen, ()).await?;
            return Ok(());
        }
        self.settle(asked, nonce, slot, inclusion, receipt, heads).await
    }

    /// Writes the verdict: token, lane and cask in one commit.
    async fn settle(
        &self,
        asked: &Asked,
        nonce: u64,
        slot: &Slot,
        inclusion: Inclusion,
        receipt: Receipt,
        heads: Heads,
    ) -> Result<(), ReactionError> {
        let id = slot.mint.to_string();
        let commands = &self.commands;
        let in_lane = self.in_lane(asked);
        let settle = SettleSlot {
            nonce,
            winner: inclusion.tx_hash.clone(),
            block_number: inclusion.block_number,
            block_hash: inclusion.block_hash.clone(),
        };
        let (lane, settled) =
            commands.decide::<Lane, _>(&in_lane, &self.lane_id(), &settle).await?;
        let commit = commands.begin(asked).append(&lane, settled);
        let finalized_block = heads.finalized;
        if !receipt.succeeded {
            let fail = FailMint {
                class: FailureClass::RevertedAtFinality,
                evidence: inclusion,
                finalized_block,
            };
            let (nft, failed) = commands.decide::<Nft, _>(asked, &id, &fail).await?;
            commands.commit(asked, &(), commit.append(&nft, failed)).await?;
            tracing::error!(mint = %slot.mint, nonce, "the mint reverted in a final block");
            return Ok(());
        }
        let cost = Cost {
            gas_used: receipt.gas_used,
            effective_gas_price: receipt.effective_gas_price.to_string(),
        };
        let confirm = ConfirmMint { inclusion, finalized_block, cost };
        let complete = CompleteTokenisation { network: self.chain.network().to_owned() };
        let (nft, confirmed) = commands.decide::<Nft, _>(asked, &id, &confirm).await?;
        let (whiskey, completed) = commands.decide::<Whiskey, _>(asked, &id, &complete).await?;
        let commit = commit.append(&nft, confirmed).append(&whiskey, completed);
        commands.commit(asked, &(), commit).await?;
        tracing::info!(mint = %slot.mint, nonce, "minted");
        Ok(())
    }
}
