//! The minting worker: from a request to a token, by the four rules of the minting chapter.
//!
//! A nonce belongs to one mint for ever; signed bytes are in the log before they are broadcast; the
//! answer to a broadcast is never believed; verdicts come from finalized blocks only. Two workers
//! at once are safe: their appends collide, and broadcasting the same bytes twice is harmless.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context as JetStream;
use aws_lc_rs::digest::{SHA256, digest};
use cid::Cid;
use domain::id::{TenantId, WhiskeyId};
use domain::lane::{
    AssignNonce, Attempt, Lane, LaneError, OpenLane, SettleSlot, SignAttempt, Slot,
};
use domain::nft::{
    AssignMint, ConfirmMint, Cost, FailMint, FailureClass, Inclusion, Nft, PinMetadata,
    RecordInclusion, RecordReorg, RecordSubmission, metadata,
};
use domain::whiskey::{CompleteTokenisation, Whiskey};
use eventstore::{Context, Loaded, Recorded};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::outside::chain::{Chain, Heads, Mint, Receipt};

const SUBSCRIPTION: Subscription =
    Subscription { name: "mint", subjects: &["caskchain.events.*.nft.*.mint_requested"] };

/// How often the chain is looked at while slots are open.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const NAME: &str = "minting";

/// Mints on one network with one signer.
#[derive(Clone)]
pub struct Minter {
    commands: Commands,
    chain: Arc<dyn Chain>,
    /// Rung when a nonce was assigned.
    assigned: Arc<Notify>,
}

impl Minter {
    pub fn new(commands: Commands, chain: Arc<dyn Chain>) -> Self {
        Self { commands, chain, assigned: Arc::new(Notify::new()) }
    }

    /// Takes requests and follows open slots until stopped.
    pub async fn run(self, jetstream: JetStream, stop: CancellationToken) {
        let take = SUBSCRIPTION.run(jetstream, stop.clone(), |event| self.take(event));
        tokio::join!(take, self.follow(stop.clone()));
    }

    /// Brings a request to its nonce. Only then is the message done with: from there on the lane
    /// itself says what is left to do.
    async fn take(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let Ok(mint) = recorded.aggregate_id.parse::<WhiskeyId>() else {
            return Err(ReactionError::Failed("the stream has no cask's id".to_owned()));
        };
        let cause = format!("position:{}", recorded.position);
        let context =
            Context::system(recorded.tenant, NAME, &recorded.metadata.correlation_id, &cause);
        let asked = Asked::by(context);
        loop {
            let nft: Loaded<Nft> = self.load(recorded.tenant, mint).await?;
            match nft.state.as_ref() {
                Nft::Requested { order } if order.network == self.chain.network() => {
                    self.pin(&asked, mint).await?;
                }
                Nft::Pinned { .. } => self.assign(&asked, mint).await?,
                Nft::Unrequested
                | Nft::Requested { .. }
                | Nft::Assigned { .. }
                | Nft::Confirmed { .. }
                | Nft::Failed => return Ok(()),
            }
        }
    }

    /// Writes the metadata document down.
    async fn pin(&self, asked: &Asked, mint: WhiskeyId) -> Result<(), ReactionError> {
        let whiskey: Loaded<Whiskey> = self.load(asked.context.tenant(), mint).await?;
        let entry = whiskey.state.entry().map_err(CommandError::from)?;
        let public_url = self.commands.mint_policy.public_url.as_deref();
        let document = metadata::document(mint, &entry.details, public_url);
        let digest = digest(&SHA256, document.as_bytes());
        let pin =
            PinMetadata { cid: cid_of(digest.as_ref())?, digest: hex::encode(digest), document };
        self.commands.execute::<Nft, _, _>(asked, &mint.to_string(), &pin, ()).await?;
        Ok(())
    }

    /// Gives the mint the lane's next nonce: one commit on both streams.
    async fn assign(&self, asked: &Asked, mint: WhiskeyId) -> Result<(), ReactionError> {
        let lane = self.lane().await?;
        let in_lane = self.in_lane(asked);
        let next = AssignNonce { tenant: asked.context.tenant(), mint };
        let nonce = match lane.state.as_ref() {
            Lane::Open { next_nonce, .. } => *next_nonce,
            Lane::Unopened => return Err(ReactionError::NotYet("the lane is not open".into())),
        };
        let numbered = domain::command::Command::decide(&next, &lane.state);
        let numbered = match numbered {
            Ok(events) => events,
            Err(LaneError::Full) => return Err(ReactionError::NotYet(LaneError::Full.to_string())),
            Err(error) => return Err(ReactionError::Failed(error.to_string())),
        };
        let give = AssignMint {
            network: self.chain.network().to_owned(),
            signer: self.chain.signer(),
            nonce,
        };
        let (nft, given) = self.commands.decide::<Nft, _>(asked, &mint.to_string(), &give).await?;
        let commit = self.commands.begin(&in_lane).append(&lane, numbered).append(&nft, given);
        self.commands.commit(&in_lane, &(), commit).await?;
        tracing::info!(%mint, nonce, network = self.chain.network(), "nonce assigned");
        self.assigned.notify_one();
        Ok(())
    }

    /// Drives open slots until stopped. What cannot be done now is tried at the next look.
    async fn follow(&self, stop: CancellationToken) {
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
        self.commands.execute::<Nft, _, _>(&asked, &id, &RecordReorg, ()).await?;
        self.chain.broadcast(&newest.raw).await;
        let submission = RecordSubmission { tx_hash: newest.tx_hash.clone() };
        self.commands.execute::<Nft, _, _>(&asked, &id, &submission, ()).await?;
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

    /// The lane, opened at the chain's own count if this is its first use.
    async fn lane(&self) -> Result<Loaded<Lane>, ReactionError> {
        let id = self.lane_id();
        let load = || self.commands.store.load_fresh::<Lane>(TenantId::PLATFORM, &id);
        let lane = load().await.map_err(CommandError::from)?;
        if *lane.state != Lane::Unopened {
            return Ok(lane);
        }
        let open = OpenLane {
            network: self.chain.network().to_owned(),
            signer: self.chain.signer().to_string(),
            base_nonce: self.chain.nonce().await.map_err(CommandError::from)?,
        };
        let asked = Asked::by(Context::system(TenantId::PLATFORM, NAME, "lane", "first use"));
        match self.commands.execute::<Lane, _, _>(&asked, &id, &open, ()).await {
            // Another worker opened it just now.
            Ok(_) | Err(CommandError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(load().await.map_err(CommandError::from)?)
    }

    async fn load<A: domain::command::Root>(
        &self,
        tenant: TenantId,
        id: WhiskeyId,
    ) -> Result<Loaded<A>, ReactionError> {
        let loaded = self.commands.store.load_fresh::<A>(tenant, &id.to_string()).await;
        Ok(loaded.map_err(CommandError::from)?)
    }

    fn lane_id(&self) -> String {
        format!("{}-{}", self.chain.network(), self.chain.signer())
    }

    fn asked_for(&self, slot: &Slot) -> Asked {
        let correlation = format!("mint:{}", slot.mint);
        Asked::by(Context::system(slot.tenant, NAME, &correlation, "chain"))
    }

    /// The same circumstances, in the tenant the lanes belong to.
    fn in_lane(&self, asked: &Asked) -> Asked {
        let context = &asked.context;
        Asked::by(Context::system(
            TenantId::PLATFORM,
            NAME,
            &context.correlation_id,
            &context.causation_id,
        ))
    }
}

/// CIDv1 of one raw block with this SHA-256.
fn cid_of(digest: &[u8]) -> Result<String, ReactionError> {
    const RAW: u64 = 0x55;
    const SHA2_256: u64 = 0x12;
    let hash = cid::multihash::Multihash::<64>::wrap(SHA2_256, digest)
        .map_err(|error| ReactionError::Failed(error.to_string()))?;
    Ok(Cid::new_v1(RAW, hash).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cid_is_the_one_every_ipfs_node_gives() {
        let empty = digest(&SHA256, b"");
        assert_eq!(
            cid_of(empty.as_ref()).unwrap(),
            "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
        );
    }
}
