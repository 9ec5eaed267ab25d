//! The few JSON-RPC calls made to the development chain.

use std::time::Duration;

use jsonrpsee_core::client::ClientT;
use jsonrpsee_core::params::ArrayParams;
use jsonrpsee_core::rpc_params;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use serde_json::Value;

use crate::EmbeddedError;

/// Long enough for the state of a chain with tens of thousands of blocks.
const LIMIT: Duration = Duration::from_secs(30);

/// What is needed of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) hash: String,
    pub(crate) is_empty: bool,
}

#[derive(Clone)]
pub(crate) struct ChainRpc {
    client: HttpClient,
}

impl ChainRpc {
    pub(crate) fn new(url: &str) -> Result<Self, EmbeddedError> {
        let client = HttpClientBuilder::default()
            .request_timeout(LIMIT)
            // The state of the whole chain comes as one answer.
            .max_response_size(u32::MAX)
            .build(url)
            .map_err(|error| failed("connect", &error))?;
        Ok(Self { client })
    }

    async fn call(
        &self,
        method: &'static str,
        params: ArrayParams,
    ) -> Result<Value, EmbeddedError> {
        self.client.request(method, params).await.map_err(|error| failed(method, &error))
    }

    pub(crate) async fn answers(&self) -> bool {
        let chain =
            tokio::time::timeout(Duration::from_secs(1), self.call("eth_chainId", rpc_params![]));
        chain.await.is_ok_and(|answer| answer.is_ok())
    }

    pub(crate) async fn latest(&self) -> Result<Block, EmbeddedError> {
        self.block(Value::from("latest")).await
    }

    pub(crate) async fn numbered(&self, number: u64) -> Result<Block, EmbeddedError> {
        self.block(Value::from(format!("{number:#x}"))).await
    }

    async fn block(&self, which: Value) -> Result<Block, EmbeddedError> {
        let call = "eth_getBlockByNumber";
        let answer = self.call(call, rpc_params![which, false]).await?;
        parse_block(&answer).ok_or_else(|| failed(call, &"an answer that is no block"))
    }

    /// Mines one block at once, empty unless a transaction waits.
    pub(crate) async fn mine(&self) -> Result<(), EmbeddedError> {
        self.call("evm_mine", rpc_params![]).await.map(|_| ())
    }

    /// The chain's state, blocks, transactions and receipts, compressed.
    ///
    /// Without the state after each past block: with it the answer grows with the square of
    /// the chain's length.
    pub(crate) async fn dump(&self) -> Result<Vec<u8>, EmbeddedError> {
        let call = "anvil_dumpState";
        let answer = self.call(call, rpc_params![false]).await?;
        let text = answer.as_str().and_then(|text| text.strip_prefix("0x"));
        text.and_then(|text| hex::decode(text).ok())
            .ok_or_else(|| failed(call, &"an answer that is not hexadecimal"))
    }
}

fn failed(call: &'static str, why: &dyn std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Chain { call, why: why.to_string() }
}

fn parse_block(answer: &Value) -> Option<Block> {
    let number = answer.get("number")?.as_str()?.strip_prefix("0x")?;
    Some(Block {
        number: u64::from_str_radix(number, 16).ok()?,
        hash: answer.get("hash")?.as_str()?.to_owned(),
        is_empty: answer.get("transactions")?.as_array()?.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_is_read_from_the_answer() {
        let answer = json!({"number": "0x1f", "hash": "0xab", "transactions": ["0x1"]});
        let block = Block { number: 31, hash: "0xab".to_owned(), is_empty: false };
        assert_eq!(parse_block(&answer), Some(block));
        assert_eq!(parse_block(&Value::Null), None);
    }
}
