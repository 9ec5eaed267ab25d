//! The minting worker: from a request to a token, by the four rules of the minting chapter.
//!
//! A nonce belongs to one mint for ever; signed bytes are in the log before they are broadcast; the
//! answer to a broadcast is never believed; verdicts come from finalized blocks only. Two workers
//! at once are safe: their appends collide, and broadcasting the same bytes twice is harmless.

mod follow;
mod publish;
mod take;

use std::sync::Arc;

use async_nats::jetstream::Context as JetStream;
use domain::id::{TenantId, WhiskeyId};
use domain::lane::{Lane, OpenLane, Slot};
use eventstore::{Context, Loaded};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::outside::chain::Chain;
use crate::outside::content_store::ContentStore;
use crate::outside::pins::Pins;

const SUBSCRIPTION: Subscription =
    Subscription { name: "mint", subjects: &["caskchain.events.*.nft.*.mint_requested"] };

const NAME: &str = "minting";

/// Mints on one network with one signer.
#[derive(Clone)]
pub struct Minter {
    commands: Commands,
    chain: Arc<dyn Chain>,
    content: ContentStore,
    pins: Pins,
    /// Rung when a nonce was assigned.
    assigned: Arc<Notify>,
}

impl Minter {
    pub fn new(
        commands: Commands,
        chain: Arc<dyn Chain>,
        content: ContentStore,
        pins: Pins,
    ) -> Self {
        Self { commands, chain, content, pins, assigned: Arc::new(Notify::new()) }
    }

    /// Takes requests and follows open slots until stopped.
    pub async fn run(self, jetstream: JetStream, stop: CancellationToken) {
        let take = SUBSCRIPTION.run(jetstream, stop.clone(), |event| self.take(event));
        tokio::join!(take, self.follow(stop.clone()));
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
            chain_id: self.chain.chain_id(),
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
        format!("{}-{}", self.chain.chain_id(), self.chain.signer())
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
