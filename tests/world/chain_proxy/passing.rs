//! Asking the node what the worker asked, and saying it as geth or as another chain would.

use serde_json::{Value, json};

use super::Between;
use super::geth::{Geth, quantity};
use super::node::Said;

impl Between {
    /// What is said of a call, `sent` being its place if it sends a transaction. None if the node
    /// does not answer.
    pub async fn pass_on(&self, call: &Value, sent: Option<usize>) -> Option<Said> {
        if let Some(refusal) = self.too_many_blocks(call) {
            return Some(Err(refusal));
        }
        let geth = *self.geth.lock().unwrap();
        let said = match (geth, sent) {
            (Some(geth), Some(sent)) => self.let_in(geth, call, sent).await?,
            (Some(geth), None) => match self.ask_node(call, sent).await? {
                Err(error) => Err(geth.reworded(call, &error)),
                said => said,
            },
            (None, sent) => self.ask_node(call, sent).await?,
        };
        Some(said.map(|answer| self.kept(call, answer)))
    }

    fn too_many_blocks(&self, call: &Value) -> Option<Value> {
        let most = (*self.blocks_at_once.lock().unwrap())?;
        let filter = &call["params"][0];
        let bound = |name: &str| quantity(&filter[name]).map(|block| block as u64);
        let (from, to) = bound("fromBlock").zip(bound("toBlock"))?;
        let refusal =
            json!({ "code": -32005, "message": "query returned more than 10000 results" });
        (call["method"] == "eth_getLogs" && to - from >= most).then_some(refusal)
    }

    async fn let_in(&self, geth: Geth, call: &Value, sent: usize) -> Option<Said> {
        let _letting_in = self.letting_in.lock().await;
        let transaction = self.transaction_at(sent);
        if let Some(new) = &transaction
            && let Some(refusal) = geth.refusal(&self.node, self.held_rival_of(new), new).await
        {
            return Some(Err(refusal));
        }
        let said = self.ask_node(call, Some(sent)).await?;
        let Some(new) = transaction else { return Some(said) };
        match self.held_if_too_cheap(call, &new, said) {
            Err(error) => Some(Err(geth.reworded_of(&self.node, &new, &error).await)),
            said => Some(said),
        }
    }

    async fn ask_node(&self, call: &Value, sent: Option<usize>) -> Option<Said> {
        if let Some(sent) = sent {
            self.was_forwarded(sent);
        }
        self.node.said(&call["method"], &call["params"]).await
    }

    /// The answer, remembered for when the node is to be behind.
    fn kept(&self, call: &Value, answer: Value) -> Value {
        let answer = self.pretended(call, answer);
        self.earlier.lock().unwrap().keep(&question(call), &answer);
        answer
    }

    fn pretended(&self, call: &Value, answer: Value) -> Value {
        match (call["method"].as_str(), *self.chain_id.lock().unwrap()) {
            (Some("eth_chainId"), Some(id)) => json!(format!("{id:#x}")),
            (Some("net_version"), Some(id)) => json!(id.to_string()),
            _ => answer,
        }
    }

    /// What the node said to the same question some time before.
    pub fn before(&self, call: &Value) -> Option<Value> {
        let which = |count| self.chance.one_of("stale", count);
        self.earlier.lock().unwrap().before(&question(call), which)
    }
}

fn question(call: &Value) -> String {
    format!("{}{}", call["method"], call["params"])
}
