//! The rules of geth's pool and the words of its errors, which a development chain does not have.

use serde_json::{Value, json};

use super::node::Node;
use super::transaction::Transaction;

/// By how much a replacement has to offer more, in percent, of both fees.
const PRICE_BUMP: u128 = 10;
/// What geth answers to nearly everything.
const CODE: i64 = -32_000;
const REVERTED: i64 = 3;
const UNKNOWN_METHOD: i64 = -32_601;

#[derive(Clone, Copy)]
pub struct Geth {
    /// In wei per gas.
    pub minimum_tip: u128,
}

impl Default for Geth {
    fn default() -> Self {
        Self { minimum_tip: 1 }
    }
}

impl Geth {
    /// The error with which geth's pool would turn a transaction away that the node's would take.
    /// `held` is what would wait there under the same nonce, if the node's pool were geth's.
    pub async fn refusal(
        self,
        node: &Node,
        held: Option<Transaction>,
        new: &Transaction,
    ) -> Option<Value> {
        if new.tip < self.minimum_tip {
            let (tip, minimum) = (new.tip, self.minimum_tip);
            let text = "transaction underpriced: gas tip cap";
            return Some(said(&format!("{text} {tip}, minimum needed {minimum}")));
        }
        let (hash, max_fee, tip) = match held {
            Some(held) => (held.hash, held.max_fee, held.tip),
            None => waiting(node, new).await?,
        };
        if hash == new.hash {
            return Some(said("already known"));
        }
        let replaces = is_raised(max_fee, new.max_fee) && is_raised(tip, new.tip);
        (!replaces).then(|| said("replacement transaction underpriced"))
    }

    /// The node's error about a transaction in geth's words.
    pub async fn reworded_of(self, node: &Node, sent: &Transaction, error: &Value) -> Value {
        let text = error["message"].as_str().unwrap_or_default();
        let lower = text.to_lowercase();
        if lower.contains("already imported") {
            said("already known")
        } else if lower.contains("nonce too low") {
            said(&too_low(node, sent).await)
        } else if lower.contains("insufficient funds") {
            said(&no_funds(node, sent).await)
        } else {
            said(text)
        }
    }

    /// The node's error about anything else in geth's words. Of a revert the data say what it was;
    /// geth's words do so only if the reason is a text.
    pub fn reworded(self, call: &Value, error: &Value) -> Value {
        let mut error = error.clone();
        let text = error["message"].as_str().unwrap_or_default();
        if error["code"] == REVERTED && text.contains("custom error") {
            error["message"] = json!("execution reverted");
        } else if error["code"] == UNKNOWN_METHOD {
            let method = call["method"].as_str().unwrap_or_default();
            let text = format!("the method {method} does not exist/is not available");
            error["message"] = json!(text);
        }
        error
    }
}

/// As in geth, where what is offered has to reach the threshold, rounded down, and be more.
fn is_raised(old: u128, new: u128) -> bool {
    new > old && new >= old * (100 + PRICE_BUMP) / 100
}

/// What waits in the node's pool under the same sender and nonce: its hash, maximal fee and tip.
async fn waiting(node: &Node, new: &Transaction) -> Option<(String, u128, u128)> {
    let pool = node.try_ask("txpool_content", json!([])).await?;
    let found = ["pending", "queued"].into_iter().find_map(|part| {
        let senders = pool[part].as_object()?;
        let (_, nonces) = senders.iter().find(|(of, _)| of.eq_ignore_ascii_case(&new.sender))?;
        nonces.get(new.nonce.to_string()).cloned()
    })?;
    let fee = |name: &str| quantity(&found[name]).or_else(|| quantity(&found["gasPrice"]));
    let hash = found["hash"].as_str()?.to_owned();
    Some((hash, fee("maxFeePerGas")?, fee("maxPriorityFeePerGas")?))
}

async fn too_low(node: &Node, sent: &Transaction) -> String {
    let next = of_sender(node, "eth_getTransactionCount", sent).await;
    format!("nonce too low: next nonce {next}, tx nonce {}", sent.nonce)
}

async fn no_funds(node: &Node, sent: &Transaction) -> String {
    let balance = of_sender(node, "eth_getBalance", sent).await;
    let (cost, over) = (sent.cost, sent.cost.saturating_sub(balance));
    let text = "insufficient funds for gas * price + value";
    format!("{text}: balance {balance}, tx cost {cost}, overshot {over}")
}

async fn of_sender(node: &Node, method: &str, sent: &Transaction) -> u128 {
    let answer = node.try_ask(method, json!([sent.sender, "latest"])).await;
    answer.as_ref().and_then(quantity).unwrap_or_default()
}

fn said(text: &str) -> Value {
    json!({ "code": CODE, "message": text })
}

/// Reads a JSON-RPC quantity.
pub fn quantity(value: &Value) -> Option<u128> {
    u128::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
