//! Every raw transaction there ever was: what was sent once may come again from anywhere.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Between;
use super::transaction::Transaction;

/// A raw transaction as it came.
#[derive(Clone, Debug)]
pub struct Sent {
    pub raw: String,
    /// None if it is none.
    pub transaction: Option<Transaction>,
    pub at: Instant,
    /// Whether the node was given it, this time.
    pub forwarded: bool,
}

impl Between {
    /// Keeps what a call sends, and gives its place.
    pub fn note(&self, call: &Value) -> Option<usize> {
        if call["method"] != "eth_sendRawTransaction" {
            return None;
        }
        let raw = call["params"][0].as_str().unwrap_or_default().to_owned();
        let (transaction, at) = (Transaction::read(&raw), Instant::now());
        let mut sent = self.sent.lock().unwrap();
        sent.push(Sent { raw, transaction, at, forwarded: false });
        Some(sent.len() - 1)
    }

    pub fn transaction_at(&self, place: usize) -> Option<Transaction> {
        self.sent.lock().unwrap()[place].transaction.clone()
    }

    pub fn was_forwarded(&self, place: usize) {
        self.sent.lock().unwrap()[place].forwarded = true;
    }

    /// The bytes of a transaction that was sent.
    pub fn raw_of(&self, hash: &str) -> Option<String> {
        let sent = self.sent.lock().unwrap();
        let is_it = |sent: &&Sent| sent.transaction.as_ref().is_some_and(|it| it.hash == hash);
        sent.iter().find(is_it).map(|sent| sent.raw.clone())
    }

    pub async fn reinject_by_chance(&self) {
        let probability = *self.reinjecting.lock().unwrap();
        if self.chance.number("reinject") < probability {
            self.reinject().await;
        }
    }

    pub async fn reinject(&self) -> Option<Sent> {
        let old = {
            let sent = self.sent.lock().unwrap();
            let place = (!sent.is_empty()).then(|| self.chance.one_of("which", sent.len()));
            sent[place?].clone()
        };
        // A node that does not want it says so, and that is all.
        let _ = self.node.try_ask("eth_sendRawTransaction", json!([old.raw])).await;
        Some(old)
    }
}
