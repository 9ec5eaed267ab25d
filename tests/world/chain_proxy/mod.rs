//! What stands between a worker and its node, and makes of a lenient development chain the network
//! outside: answers get lost, come late or are wrong, and nodes are as strict as geth.
//!
//! ```ignore
//! let chain = ChainProxy::before(&anvil.url()).await;
//! chain.strict(true);
//! chain.next("eth_sendRawTransaction", 1, &Fault::CutAfter);
//! chain.sometimes("*", &Fault::Http(503), 0.02);
//! ```

mod answers;
mod chance;
mod commands;
mod door;
mod earlier;
mod faults;
mod geth;
mod held;
mod node;
mod passing;
mod sent;
pub mod transaction;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

pub use faults::Fault;
pub use sent::Sent;

use chance::Chance;
use door::Door;
use earlier::Earlier;
use faults::Faults;
use geth::Geth;
use held::Held;
use node::Node;

/// What is asked for one network and what it answers goes through here. Ends with the story.
pub struct ChainProxy {
    between: Arc<Between>,
    door: Door,
}

/// What all connections share.
struct Between {
    node: Node,
    chance: Chance,
    faults: Mutex<Faults>,
    sent: Mutex<Vec<Sent>>,
    earlier: Mutex<Earlier>,
    /// What the node would not keep, and geth would.
    held: Mutex<Vec<Held>>,
    /// None while the node is taken as it is.
    geth: Mutex<Option<Geth>>,
    /// One at a time, where what is in the pool decides what is let in.
    letting_in: tokio::sync::Mutex<()>,
    chain_id: Mutex<Option<u64>>,
    /// It tells logs of no more blocks than these at once.
    blocks_at_once: Mutex<Option<u64>>,
    reinjecting: Mutex<f64>,
    away: watch::Sender<bool>,
}

impl ChainProxy {
    /// Listens in front of a node. The seed of all chance is printed, and taken from
    /// `CASKCHAIN_CHAOS_SEED` if that is set.
    pub async fn before(node: &str) -> Self {
        Self::with_seed(node, chance::seed()).await
    }

    pub async fn with_seed(node: &str, seed: u64) -> Self {
        let between = Arc::new(Between {
            node: Node::new(node),
            chance: Chance::new(seed),
            faults: Mutex::default(),
            sent: Mutex::default(),
            earlier: Mutex::default(),
            held: Mutex::default(),
            geth: Mutex::default(),
            letting_in: tokio::sync::Mutex::default(),
            chain_id: Mutex::default(),
            blocks_at_once: Mutex::default(),
            reinjecting: Mutex::default(),
            away: watch::Sender::new(false),
        });
        let door = Door::open(Arc::clone(&between)).await;
        Self { between, door }
    }

    pub fn url(&self) -> String {
        self.door.url()
    }

    /// The next requests of this method go wrong like this; after those that were to go wrong before.
    pub fn next(&self, method: &str, count: usize, fault: &Fault) {
        self.between.faults.lock().unwrap().script(method, count, fault);
    }

    /// From now on requests of this method (`*`: of any) go wrong like this with this probability,
    /// beside how they go wrong already.
    pub fn sometimes(&self, method: &str, fault: &Fault, probability: f64) {
        self.between.faults.lock().unwrap().expect(method, fault, probability);
    }

    /// Nothing goes wrong by chance any more, nor by what was said of next requests.
    pub fn calm(&self) {
        self.between.faults.lock().unwrap().clear();
        *self.between.reinjecting.lock().unwrap() = 0.0;
    }

    /// How often each thing went wrong, by method and fault.
    pub fn happened(&self) -> BTreeMap<(String, &'static str), usize> {
        self.between.faults.lock().unwrap().happened().clone()
    }

    /// Whether the node judges and speaks as geth does.
    pub fn strict(&self, strict: bool) {
        *self.between.geth.lock().unwrap() = strict.then(Geth::default);
    }

    fn is_strict(&self) -> bool {
        self.between.geth.lock().unwrap().is_some()
    }

    /// The node judges as geth does, and takes nothing with a smaller tip than this, as Polygon's.
    pub fn strict_with_tip(&self, minimum: u128) {
        *self.between.geth.lock().unwrap() = Some(Geth { minimum_tip: minimum });
    }

    /// The node says it is on another chain, or its own again.
    pub fn pretend_chain_id(&self, chain_id: Option<u64>) {
        *self.between.chain_id.lock().unwrap() = chain_id;
    }

    /// The node refuses to tell logs of more blocks than these at once, as many public ones do.
    pub fn blocks_at_once(&self, most: Option<u64>) {
        *self.between.blocks_at_once.lock().unwrap() = most;
    }

    /// Refuses connections, and ends those there are.
    pub async fn down(&mut self) {
        self.door.close().await;
    }

    /// Listens again, at the same place.
    pub async fn up(&mut self) {
        self.door.open_again(Arc::clone(&self.between)).await;
    }

    /// Takes connections and says nothing. When it is back it ends them, and the node never hears of
    /// what was asked.
    pub fn away(&self, away: bool) {
        self.between.away.send_replace(away);
    }

    /// Every raw transaction it was ever given, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.between.sent.lock().unwrap().clone()
    }

    /// At any request, with this probability, bytes that were sent before come out of nowhere.
    pub fn reinject_sometimes(&self, probability: f64) {
        *self.between.reinjecting.lock().unwrap() = probability;
    }

    /// Hands bytes that were sent before, which ones is left to chance, to the node once more.
    pub async fn reinject(&self) -> Option<Sent> {
        self.between.reinject().await
    }
}
