//! The minting worker: from a request to a token, by the four rules of the minting chapter.
//!
//! A nonce belongs to one errand for ever; signed bytes are in the log before they are broadcast; the
//! answer to a broadcast is never believed; verdicts come from finalized blocks only. Two workers
//! at once are safe: their appends collide, and broadcasting the same bytes twice is harmless.
//!
//! `take` brings a request to where it waits for a nonce, `sweep` finds what was forgotten, and each
//! lane has a loop that looks at the chain and does the next thing for all of its slots. `follow`
//! writes down who holds the tokens. `refusal` asks the contract before a nonce is spent on it. `deploy` makes contracts, by the same rules and in the same lanes,
//! and `anchor` keeps the ledger's head there.

mod anchor;
mod approval;
mod assign;
mod deploy;
mod finality;
mod follow;
mod judge;
mod lane;
mod look;
mod lose;
mod memory;
mod offer;
mod publish;
mod ready;
mod record;
mod refusal;
mod send;
mod settle;
mod sign;
mod spending;
mod sweep;
mod take;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context as JetStream;
use domain::command::Root;
use domain::id::{TenantId, WhiskeyId};
use domain::nft::address::EvmAddress;
use eventstore::ledger::read::Ledger;
use eventstore::{Context, Loaded};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use self::anchor::Anchoring;
use self::finality::Finality;
use self::follow::Follower;
use self::lane::LaneWorker;
use self::waiting::Waiting;
use super::subscription::{ReactionError, Subscription};
use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::outside::chain::{Chain, Signer};
use crate::outside::content_store::ContentStore;
use crate::outside::pins::Pins;

/// Publishing metadata takes its time, and each mint is a stream of its own.
const SUBSCRIPTION: Subscription = Subscription {
    name: "mint",
    subjects: &["caskchain.events.*.nft.*.mint_requested"],
    at_once: AT_ONCE,
};

/// How many mints are looked at, at the same time.
const AT_ONCE: usize = 16;

const NAME: &str = "minting";

/// A network and the accounts that mint on it, each with a lane of its own.
#[derive(Clone)]
pub struct MintingNetwork {
    pub chain: Arc<dyn Chain>,
    pub signers: Vec<Arc<dyn Signer>>,
    /// The account that keeps the ledger's heads there and does nothing else; none: those that mint do.
    pub anchorer: Option<Arc<dyn Signer>>,
    /// Those that mint; where there is none yet, nothing is minted or followed.
    pub contracts: BTreeSet<EvmAddress>,
    /// The one of them that is only ever asked with a proof.
    pub proven_contract: Option<EvmAddress>,
    /// How many transactions of one account may wait for a block at a time.
    pub in_flight: usize,
    /// How many tokens are minted by one transaction, where so many wait.
    pub mints_in_one: usize,
    /// Whether its accounts make contracts.
    pub may_deploy: bool,
    /// How often its contracts are given the ledger's head.
    pub anchor_every: Option<Duration>,
}

/// A network with what its workers share.
#[derive(Clone)]
struct Served {
    network: MintingNetwork,
    waiting: Arc<Waiting>,
    finality: Arc<Finality>,
    anchorings: Arc<[Anchoring]>,
}

/// Mints on all networks this process serves.
#[derive(Clone)]
pub struct Minter {
    commands: Commands,
    content: ContentStore,
    pins: Pins,
    ledger: Ledger,
    networks: Vec<Served>,
}

impl Minter {
    pub fn new(
        commands: Commands,
        networks: Vec<MintingNetwork>,
        content: ContentStore,
        pins: Pins,
        ledger: Ledger,
    ) -> Self {
        let served = |network: MintingNetwork| {
            let anchorings = network.anchor_every.into_iter().flat_map(|every| {
                network.contracts.iter().map(move |contract| Anchoring::new(*contract, every))
            });
            let anchorings = anchorings.collect();
            Served { network, waiting: Arc::default(), finality: Arc::default(), anchorings }
        };
        let networks = networks.into_iter().map(served).collect();
        Self { commands, content, pins, ledger, networks }
    }

    /// Takes requests and drives lanes until stopped.
    pub async fn run(self, jetstream: JetStream, stop: CancellationToken) {
        let progress = self.commands.store.progress();
        let take = SUBSCRIPTION.run(jetstream, progress, stop.clone(), |event| self.take(event));
        let lanes = self.lanes();
        let lanes = join_all(lanes.iter().map(|lane| lane.drive(stop.clone())));
        let followers = self.followers();
        let followers = join_all(followers.iter().map(|of| of.follow(stop.clone())));
        tokio::join!(take, self.sweep(stop.clone()), lanes, followers);
    }

    fn followers(&self) -> Vec<Follower> {
        let of_network = |served: &Served| {
            let Served { network, finality, .. } = served.clone();
            let commands = self.commands.clone();
            network.contracts.into_iter().map(move |contract| Follower {
                commands: commands.clone(),
                chain: Arc::clone(&network.chain),
                contract,
                finality: Arc::clone(&finality),
            })
        };
        self.networks.iter().flat_map(of_network).collect()
    }

    fn lanes(&self) -> Vec<LaneWorker> {
        let of_network = |served: &Served| {
            let Served { network, waiting, finality, anchorings } = served.clone();
            let (commands, ledger) = (self.commands.clone(), self.ledger.clone());
            let minters = network.signers.clone().into_iter().map(|signer| (signer, true));
            let anchorer = network.anchorer.clone().map(|signer| (signer, false));
            minters.chain(anchorer).map(move |(signer, mints)| LaneWorker {
                commands: commands.clone(),
                ledger: ledger.clone(),
                chain: Arc::clone(&network.chain),
                signer,
                mints,
                in_flight: network.in_flight,
                mints_in_one: network.mints_in_one,
                contracts: network.contracts.clone(),
                proven_contract: network.proven_contract,
                may_deploy: network.may_deploy && mints,
                waiting: Arc::clone(&waiting),
                finality: Arc::clone(&finality),
                anchorings: match mints && network.anchorer.is_some() {
                    true => Arc::default(),
                    false => Arc::clone(&anchorings),
                },
                heads_come: !anchorings.is_empty(),
            })
        };
        self.networks.iter().flat_map(of_network).collect()
    }
}

impl Commands {
    /// A stream as the log has it now.
    async fn mint_state<A: Root>(
        &self,
        tenant: TenantId,
        id: WhiskeyId,
    ) -> Result<Loaded<A>, ReactionError> {
        let loaded = self.store.load_fresh::<A>(tenant, &id.to_string()).await;
        Ok(loaded.map_err(CommandError::from)?)
    }

    /// Several of a tenant's.
    async fn mint_states<A: Root>(
        &self,
        tenant: TenantId,
        ids: &[WhiskeyId],
    ) -> Result<Vec<Loaded<A>>, ReactionError> {
        let states: Vec<_> = ids.iter().map(|id| self.mint_state::<A>(tenant, *id)).collect();
        stream::iter(states).buffered(AT_ONCE).try_collect().await
    }
}

/// One of our processes, on behalf of a tenant.
fn asked(tenant: TenantId, correlation: &str, cause: &str) -> Asked {
    Asked::by(Context::system(tenant, NAME, correlation, cause))
}
