//! The node, asked for what only a measurement wants to know.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
        u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// Until these accounts have so many transactions in blocks, together.
    pub async fn until(&self, accounts: &[String], count: u64) {
        let began = Instant::now();
        loop {
            let mut sum = 0;
            for account in accounts {
                sum += self.count(account).await;
            }
            if sum >= count {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{sum} of {count} transactions are in blocks");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
