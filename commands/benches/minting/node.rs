//! The node, asked for what only a measurement wants to know.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Transfer(address,address,uint256), the log of every movement of a token.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// How long the slowest of it may take.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Node {
    url: String,
    client: reqwest::Client,
}

impl Node {
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: reqwest::Client::new() }
    }

    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.client.post(&self.url).json(&call).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// How many transactions of an account are in blocks.
    pub async fn count(&self, of: &str) -> u64 {
        let count = self.ask("eth_getTransactionCount", json!([of, "latest"])).await;
        number(&count)
    }

    pub async fn height(&self) -> u64 {
        number(&self.ask("eth_blockNumber", json!([])).await)
    }

    /// Waits for the next block, and gives its height: times are counted from one to another.
    pub async fn next_block(&self) -> u64 {
        let before = self.height().await;
        loop {
            let height = self.height().await;
            if height > before {
                return height;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Until the contract has made so many tokens in blocks after this one; the transactions that did.
    pub async fn until(&self, contract: &str, mut after: u64, tokens: usize) -> BTreeSet<String> {
        let began = Instant::now();
        let (mut made, mut by) = (0, BTreeSet::new());
        while made < tokens {
            assert!(began.elapsed() < PATIENCE, "{made} of {tokens} tokens are in blocks");
            let height = self.height().await;
            if height == after {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let filter = json!([{
                "fromBlock": format!("{:#x}", after + 1), "toBlock": format!("{height:#x}"),
                "address": contract, "topics": [TRANSFER, format!("0x{:064x}", 0)],
            }]);
            let logs = self.ask("eth_getLogs", filter).await;
            let logs = logs.as_array().unwrap();
            made += logs.len();
            by.extend(logs.iter().map(|log| log["transactionHash"].as_str().unwrap().to_owned()));
            after = height;
        }
        by
    }

    /// The gas these used.
    pub async fn gas(&self, transactions: BTreeSet<String>) -> u64 {
        let mut used = 0;
        for hash in transactions {
            let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await;
            used += number(&receipt["gasUsed"]);
        }
        used
    }
}

fn number(quantity: &Value) -> u64 {
    u64::from_str_radix(quantity.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}
