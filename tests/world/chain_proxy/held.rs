//! Transactions that offer less than the base fee: geth keeps them until it falls, the development
//! chain turns them away. They are kept here, and it is tried again at every request.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Between;
use super::node::Said;
use super::transaction::Transaction;

#[derive(Clone)]
pub struct Held {
    pub transaction: Transaction,
    raw: Value,
}

impl Held {
    fn read(raw: &str) -> Option<Self> {
        Some(Self { transaction: Transaction::read(raw)?, raw: json!(raw) })
    }
}

fn is_too_cheap(error: &Value) -> bool {
    error["message"].as_str().is_some_and(|text| text.contains("less than block base fee"))
}

impl Between {
    /// What the node said to a transaction, as it is said where such things are kept.
    pub fn held_if_too_cheap(&self, call: &Value, transaction: &Transaction, said: Said) -> Said {
        self.forget_rivals_of(transaction);
        match said {
            Err(error) if is_too_cheap(&error) => {
                let raw = call["params"][0].clone();
                let held = Held { transaction: transaction.clone(), raw };
                self.held.lock().unwrap().push(held);
                Ok(json!(transaction.hash))
            }
            said => said,
        }
    }

    /// Gives the node what it may take by now.
    pub async fn offer_held(&self) {
        let held = self.held.lock().unwrap().clone();
        for Held { transaction, raw } in held {
            let call = (json!("eth_sendRawTransaction"), json!([raw]));
            match self.node.said(&call.0, &call.1).await {
                Some(Err(error)) if is_too_cheap(&error) => {}
                Some(_) => self.let_go(&transaction.hash),
                None => return,
            }
        }
    }

    /// Takes those out of the node's pool that it would throw out with the next block. What its
    /// sender sent after them goes with them, and comes back with them.
    pub async fn hold_below(&self, base_fee: u128) {
        let mut pool = self.pool_by_sender().await;
        pool.retain(|_, waiting| waiting.iter().any(|it| it.transaction.max_fee < base_fee));
        for (sender, waiting) in pool {
            self.node.ask("anvil_removePoolTransactions", json!([sender])).await;
            self.held.lock().unwrap().extend(waiting);
        }
        self.offer_held().await;
    }

    /// In the order of their nonces. Only what came through here is known by its bytes.
    async fn pool_by_sender(&self) -> BTreeMap<String, Vec<Held>> {
        let pool = self.node.ask("txpool_content", json!([])).await;
        let senders = ["pending", "queued"].into_iter().filter_map(|part| pool[part].as_object());
        let waiting = senders.flat_map(|senders| senders.values().filter_map(Value::as_object));
        let hashes =
            waiting.flat_map(|nonces| nonces.values().filter_map(|it| it["hash"].as_str()));
        let mut by_sender: BTreeMap<String, Vec<Held>> = BTreeMap::new();
        for held in hashes.filter_map(|hash| Held::read(&self.raw_of(hash)?)) {
            by_sender.entry(held.transaction.sender.clone()).or_default().push(held);
        }
        for waiting in by_sender.values_mut() {
            waiting.sort_by_key(|held| held.transaction.nonce);
        }
        by_sender
    }

    pub fn let_go(&self, hash: &str) {
        self.held.lock().unwrap().retain(|held| held.transaction.hash != hash);
    }

    /// What waits here under the sender and nonce of another.
    pub fn held_rival_of(&self, other: &Transaction) -> Option<Transaction> {
        let held = self.held.lock().unwrap();
        let rival = held.iter().find(|held| held.transaction.is_rival_of(other));
        rival.map(|held| held.transaction.clone())
    }

    fn forget_rivals_of(&self, other: &Transaction) {
        self.held.lock().unwrap().retain(|held| !held.transaction.is_rival_of(other));
    }
}
