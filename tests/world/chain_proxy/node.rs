//! The node itself, asked behind the back of whoever is tried.

use std::time::Duration;

use serde_json::{Value, json};

/// A result or an error, as JSON-RPC has them.
pub type Said = Result<Value, Value>;

pub struct Node {
    url: String,
    client: reqwest::Client,
}

impl Node {
    pub fn new(url: &str) -> Self {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { url: url.to_owned(), client }
    }

    /// What it says to whatever it is asked; none if it is not there.
    pub async fn said(&self, method: &Value, params: &Value) -> Option<Said> {
        let nothing = json!([]);
        let params = if params.is_null() { &nothing } else { params };
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answered = self.client.post(&self.url).json(&call).send().await.ok()?;
        let mut answer: Value = answered.json().await.ok()?;
        Some(match answer["error"].take() {
            Value::Null => Ok(answer["result"].take()),
            error => Err(error),
        })
    }

    pub async fn try_ask(&self, method: &str, params: Value) -> Option<Value> {
        self.said(&json!(method), &params).await?.ok()
    }

    /// For what cannot fail as long as there is a node.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let said = self.said(&json!(method), &params).await;
        said.unwrap_or_else(|| panic!("{method}: no answer"))
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}
