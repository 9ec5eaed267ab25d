//! What a story does to the chain itself. It goes to the node without anything going wrong.

use std::time::Duration;

use serde_json::{Value, json};

use super::ChainProxy;
use super::geth::quantity;

/// A transaction whose block is not part of the chain any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorganised {
    pub hash: String,
    /// Whether it waits in the pool again.
    pub returned: bool,
}

/// A state of the chain to come back to.
pub struct Snapshot(Value);

impl ChainProxy {
    /// Asks the node behind the back of whoever is tried.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        self.between.node.ask(method, params).await
    }

    /// What the node says against something it does not do.
    pub async fn refusal(&self, method: &str, params: Value) -> Value {
        let said = self.between.node.said(&json!(method), &params).await;
        said.unwrap_or_else(|| panic!("{method}: no answer")).unwrap_err()
    }

    pub async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([hex(u128::from(blocks))])).await;
    }

    /// The number of the block with this tag.
    pub async fn height(&self, tag: &str) -> u64 {
        let block = self.ask("eth_getBlockByNumber", json!([tag, false])).await;
        quantity(&block["number"]).and_then(|number| number.try_into().ok()).unwrap()
    }

    /// Replaces so many blocks by empty ones. Each of their transactions is put back into the pool
    /// with this probability, and is lost otherwise: nodes do either.
    pub async fn reorg(&self, depth: u64, returning: f64) -> Vec<Reorganised> {
        let hashes = self.transactions_of_last(depth).await;
        self.ask("anvil_reorg", json!([depth, []])).await;
        let mut reorganised = Vec::new();
        for hash in hashes {
            let returned =
                self.between.chance.number("returning") < returning && self.put_back(&hash).await;
            reorganised.push(Reorganised { hash, returned });
        }
        reorganised
    }

    async fn transactions_of_last(&self, blocks: u64) -> Vec<String> {
        let latest = self.height("latest").await;
        let mut hashes = Vec::new();
        for number in (latest + 1).saturating_sub(blocks)..=latest {
            let params = json!([hex(u128::from(number)), false]);
            let block = self.ask("eth_getBlockByNumber", params).await;
            let of_block = block["transactions"].as_array().unwrap().iter();
            hashes.extend(of_block.map(|hash| hash.as_str().unwrap().to_owned()));
        }
        hashes
    }

    /// Only what came through here is known by its bytes.
    async fn put_back(&self, hash: &str) -> bool {
        let Some(raw) = self.between.raw_of(hash) else { return false };
        self.between.node.try_ask("eth_sendRawTransaction", json!([raw])).await.is_some()
    }

    /// The pool forgets a transaction. The development chain does so only of one that could be in
    /// the next block; what waits behind a gap stays.
    pub async fn drop_from_pool(&self, hash: &str) {
        self.between.let_go(hash);
        self.ask("anvil_dropTransaction", json!([hash])).await;
    }

    pub async fn next_base_fee(&self, wei: u128) {
        self.ask("anvil_setNextBlockBaseFeePerGas", json!([hex(wei)])).await;
        if self.is_strict() {
            self.between.hold_below(wei).await;
        }
    }

    pub async fn set_balance(&self, of: &str, wei: u128) {
        self.ask("anvil_setBalance", json!([of, hex(wei)])).await;
    }

    /// Whether every transaction gets a block at once.
    pub async fn automine(&self, on: bool) {
        self.ask("evm_setAutomine", json!([on])).await;
    }

    /// A block every so many seconds, and none for transactions in between; none by itself if 0.
    pub async fn block_every(&self, interval: Duration) {
        self.ask("evm_setIntervalMining", json!([interval.as_secs()])).await;
    }

    pub async fn snapshot(&self) -> Snapshot {
        Snapshot(self.ask("evm_snapshot", json!([])).await)
    }

    /// The chain is what it was, even below what was final.
    pub async fn revert(&self, to: Snapshot) {
        assert_eq!(self.ask("evm_revert", json!([to.0])).await, true);
    }
}

fn hex(number: u128) -> String {
    format!("{number:#x}")
}
