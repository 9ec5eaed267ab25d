//! One node of an EVM chain, asked by JSON-RPC: always with a deadline, always of the right chain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonrpsee_core::client::{ClientT, Error as ClientError};
use jsonrpsee_core::params::{ArrayParams, BatchRequestBuilder};
use jsonrpsee_core::rpc_params;
use jsonrpsee_http_client::types::ErrorObjectOwned;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::chain::{Anchored, ChainError, Heads, Receipt, Spent, Transfer, Verdict};
use super::circuit_breaker::Breaker;
use super::ethers;
use domain::nft::LogPlace;
use domain::nft::address::EvmAddress;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: u32 = 16 * 1024 * 1024;
/// Questions in one request: public nodes refuse more.
const AT_ONCE: usize = 100;

/// A question: its method and what it is asked of.
pub(super) type Question = (&'static str, ArrayParams);

/// What a contract returned, or that it refused.
pub(super) type Returned = Result<String, Refused>;

/// A contract's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// What the node says of it.
    said: String,
    /// What the contract gave as its reason, where the node tells that.
    data: Option<String>,
}

impl From<&ErrorObjectOwned> for Refused {
    fn from(error: &ErrorObjectOwned) -> Self {
        let data = error.data().and_then(|data| serde_json::from_str::<String>(data.get()).ok());
        // Nethermind puts a word before it.
        let data = data.map(|data| data.strip_prefix("Reverted ").map_or(data.clone(), Into::into));
        Self { said: error.message().to_owned(), data }
    }
}

impl Refused {
    /// Why, in the contract's words if they can be read, or else in the node's.
    pub fn reason(&self) -> String {
        let told = self.data.as_deref().and_then(ethers::read_revert);
        let told = told.unwrap_or_else(|| self.said.clone());
        // Whatever a node says: it goes into logs, and into databases that take no NUL.
        let is_text = |c: &char| !c.is_control() && !['\u{2028}', '\u{2029}'].contains(c);
        told.chars().filter(is_text).take(REASON_LIMIT).collect()
    }
}

/// More of a reason is not kept.
const REASON_LIMIT: usize = 200;

pub(super) struct Node {
    /// As in logs: nodes' addresses hold keys in their paths.
    pub name: String,
    chain_id: u64,
    client: HttpClient,
    breaker: Mutex<Breaker>,
    /// It said that it is on our chain, and has answered ever since.
    known: AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Block {
    pub number: String,
    pub hash: String,
    pub base_fee_per_gas: Option<String>,
}

#[derive(Deserialize)]
struct FullBlock {
    hash: String,
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
pub(super) struct Transaction {
    pub hash: String,
    pub from: String,
    /// None: it makes a contract.
    pub to: Option<String>,
    pub nonce: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    block_number: String,
    block_hash: String,
    status: String,
    gas_used: String,
    /// Nodes of older networks leave it out.
    effective_gas_price: Option<String>,
    /// What was called; nothing where a contract is made.
    to: Option<String>,
    #[serde(default)]
    logs: Vec<ReceiptLog>,
}

#[derive(Deserialize)]
struct ReceiptLog {
    address: String,
    topics: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    topics: Vec<String>,
    data: String,
    transaction_hash: String,
    block_number: String,
    block_hash: String,
    log_index: String,
}

impl Node {
    pub fn new(url: &str, chain_id: u64) -> Result<Self, ChainError> {
        let parsed = reqwest::Url::parse(url)
            .map_err(|error| ChainError::Nonsense(format!("the RPC URL: {error}")))?;
        let client = HttpClientBuilder::default()
            .request_timeout(REQUEST_TIMEOUT)
            .max_response_size(ANSWER_LIMIT)
            .build(url)
            .map_err(|error| ChainError::Nonsense(format!("the RPC URL: {error}")))?;
        let name = parsed.host_str().unwrap_or_default().to_owned();
        let (breaker, known) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { name, chain_id, client, breaker, known })
    }

    /// Whether it has not failed too often lately.
    pub fn may_be_asked(&self) -> bool {
        self.breaker().admit(Instant::now()).is_ok()
    }

    pub fn is_resting(&self) -> bool {
        self.breaker().is_resting(Instant::now())
    }

    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: ArrayParams,
    ) -> Result<T, ChainError> {
        let answers = self.ask_all(vec![(method, params)]).await?;
        answers.into_iter().next().ok_or_else(|| unavailable(&self.name, "no answer"))
    }

    /// Asks many things, a few requests for all of them. One that is refused spoils all: none of
    /// ours is refused by a node that is well.
    pub async fn ask_all<T: DeserializeOwned>(
        &self,
        questions: Vec<Question>,
    ) -> Result<Vec<T>, ChainError> {
        let answers = async {
            self.must_be_of_our_chain().await?;
            self.ask_unchecked(questions).await
        }
        .await;
        self.note(answers.is_ok());
        answers
    }

    /// Calls a contract that may refuse, as a node that is well tells.
    pub async fn ask_contract(&self, call: ArrayParams) -> Result<Returned, ChainError> {
        let answer = async {
            self.must_be_of_our_chain().await?;
            match self.client.request::<String, _>("eth_call", call).await {
                Ok(returned) => Ok(Ok(returned)),
                Err(ClientError::Call(error)) if failed_in_contract(&error) => {
                    Ok(Err(Refused::from(&error)))
                }
                Err(error) => Err(unavailable(&self.name, error)),
            }
        }
        .await;
        self.note(answer.is_ok());
        answer
    }

    fn note(&self, answered: bool) {
        if answered {
            self.breaker().answered();
            return;
        }
        // Whatever comes back under this address may be another node.
        self.known.store(false, Ordering::Relaxed);
        if let Some(rest) = self.breaker().failed(Instant::now()) {
            tracing::warn!(node = self.name, ?rest, "the node is left alone");
        }
    }

    async fn ask_unchecked<T: DeserializeOwned>(
        &self,
        questions: Vec<Question>,
    ) -> Result<Vec<T>, ChainError> {
        let mut answers = Vec::with_capacity(questions.len());
        let mut questions = questions.into_iter().peekable();
        while questions.peek().is_some() {
            let mut batch = BatchRequestBuilder::new();
            for (method, params) in questions.by_ref().take(AT_ONCE) {
                batch.insert(method, params).map_err(|error| unavailable(&self.name, error))?;
            }
            let response = self.client.batch_request::<Value>(batch).await;
            let response = response.map_err(|error| unavailable(&self.name, error))?;
            for answer in response {
                let answer = answer.map_err(|error| unavailable(&self.name, error.message()))?;
                let answer = serde_json::from_value(answer)
                    .map_err(|error| ChainError::Nonsense(error.to_string()))?;
                answers.push(answer);
            }
        }
        Ok(answers)
    }

    /// Signed bytes must not meet a chain they were not made for, nor a verdict come from one.
    async fn must_be_of_our_chain(&self) -> Result<(), ChainError> {
        if self.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let ask = vec![("eth_chainId", rpc_params![])];
        let answers: Vec<String> = self.ask_unchecked(ask).await?;
        let answered = quantity(answers.first().map_or("", String::as_str))?;
        if answered != u128::from(self.chain_id) {
            return Err(ChainError::Nonsense(format!(
                "{} is on chain {answered}, configured is {}",
                self.name, self.chain_id
            )));
        }
        self.known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Signed bytes, each whatever becomes of the others.
    pub async fn send(&self, raw: &[String]) {
        if let Err(error) = self.must_be_of_our_chain().await {
            tracing::debug!(%error, "nothing is broadcast");
            return;
        }
        for some in raw.chunks(AT_ONCE) {
            let mut batch = BatchRequestBuilder::new();
            for raw in some {
                // A parameter that is text can always be written as JSON.
                let _ = batch.insert("eth_sendRawTransaction", rpc_params![raw]);
            }
            match self.client.batch_request::<Value>(batch).await {
                Ok(answers) => {
                    for refused in answers.into_iter().filter_map(Result::err) {
                        let said = refused.message();
                        tracing::debug!(node = self.name, said, "a broadcast was refused");
                    }
                }
                Err(error) => {
                    tracing::debug!(node = self.name, %error, "a broadcast got no answer")
                }
            }
        }
    }

    pub async fn heads(&self) -> Result<Heads, ChainError> {
        // The final block first: if the chain grows in between, the pair is only too careful.
        let blocks = vec![block_question("finalized"), block_question("latest")];
        let blocks: Vec<Option<Block>> = self.ask_all(blocks).await?;
        let heights: Vec<u64> = blocks
            .into_iter()
            .map(|block| height(&block.ok_or_else(|| unavailable(&self.name, "no head"))?.number))
            .collect::<Result<_, _>>()?;
        match heights[..] {
            [finalized, latest] => Ok(Heads { latest, finalized }),
            _ => Err(unavailable(&self.name, "no heads")),
        }
    }

    /// The transaction in a final block that spent a nonce: searched for, and found, not concluded
    /// from what is missing.
    pub async fn spent(&self, of: EvmAddress, nonce: u64) -> Result<Option<Spent>, ChainError> {
        let finalized_block = self.heads().await?.finalized;
        if self.count_at(of, finalized_block).await? <= nonce {
            return Ok(None);
        }
        // The first block after which the count is beyond the nonce.
        let (mut before, mut within) = self.around(of, nonce, finalized_block).await?;
        while before + 1 < within {
            let middle = before.midpoint(within);
            if self.count_at(of, middle).await? > nonce {
                within = middle;
            } else {
                before = middle;
            }
        }
        let params = rpc_params![format!("{within:#x}"), true];
        let block: Option<FullBlock> = self.ask("eth_getBlockByNumber", params).await?;
        let Some(block) = block else { return Ok(None) };
        let spender = block.transactions.into_iter().find(|transaction| {
            transaction.from == of.to_string()
                && height(&transaction.nonce).is_ok_and(|of| of == nonce)
        });
        Ok(spender.map(|transaction| Spent {
            tx_hash: transaction.hash,
            block_number: within,
            block_hash: block.hash,
            finalized_block,
        }))
    }

    /// A block before the nonce was spent, and one by which it was: looked for from the newest back,
    /// since most nodes know old states no more.
    async fn around(
        &self,
        of: EvmAddress,
        nonce: u64,
        newest: u64,
    ) -> Result<(u64, u64), ChainError> {
        let (mut within, mut step) = (newest, 1);
        loop {
            let before = newest.saturating_sub(step);
            if before == 0 || self.count_at(of, before).await? <= nonce {
                return Ok((before, within));
            }
            (within, step) = (before, step * 2);
        }
    }

    async fn count_at(&self, of: EvmAddress, block: u64) -> Result<u64, ChainError> {
        let params = rpc_params![of.to_string(), format!("{block:#x}")];
        height(&self.ask::<String>("eth_getTransactionCount", params).await?)
    }

    pub async fn block(&self, which: &str) -> Result<Option<Block>, ChainError> {
        let (method, params) = block_question(which);
        self.ask(method, params).await
    }

    /// Receipts whose block is part of the chain this node follows.
    pub async fn receipts(&self, of: &[String]) -> Result<HashMap<String, Receipt>, ChainError> {
        let questions =
            of.iter().map(|hash| ("eth_getTransactionReceipt", rpc_params![hash])).collect();
        let raw: Vec<Option<RawReceipt>> = self.ask_all(questions).await?;
        let mut found = HashMap::new();
        for (hash, raw) in of.iter().zip(raw) {
            if let Some(raw) = raw {
                found.insert(hash.clone(), Receipt::try_from(raw)?);
            }
        }
        let hashes = self.hashes_at(found.values().map(|receipt| receipt.block_number)).await?;
        found.retain(|_, receipt| hashes.get(&receipt.block_number) == Some(&receipt.block_hash));
        Ok(found)
    }

    async fn hashes_at(
        &self,
        heights: impl Iterator<Item = u64>,
    ) -> Result<HashMap<u64, String>, ChainError> {
        let mut heights: Vec<u64> = heights.collect();
        heights.sort_unstable();
        heights.dedup();
        let questions = heights.iter().map(|height| block_question(&format!("{height:#x}")));
        let blocks: Vec<Option<Block>> = self.ask_all(questions.collect()).await?;
        let at = heights.into_iter().zip(blocks);
        Ok(at.filter_map(|(height, block)| Some((height, block?.hash))).collect())
    }

    /// The same from blocks that are final by what this node says.
    pub async fn verdicts(&self, of: &[String]) -> Result<HashMap<String, Verdict>, ChainError> {
        // Judged by the final block as it was before the receipts were read.
        let finalized_block = self.heads().await?.finalized;
        let receipts = self.receipts(of).await?.into_iter();
        Ok(receipts
            .filter(|(_, receipt)| receipt.block_number <= finalized_block)
            .map(|(hash, receipt)| (hash, Verdict { receipt, finalized_block }))
            .collect())
    }

    pub async fn call(&self, to: EvmAddress, data: Vec<String>) -> Result<Vec<String>, ChainError> {
        let ask = |data: String| {
            let call = json!({ "to": to.to_string(), "data": data });
            ("eth_call", rpc_params![call, "latest"])
        };
        self.ask_all(data.into_iter().map(ask).collect()).await
    }

    pub async fn transfers(
        &self,
        contract: EvmAddress,
        from: u64,
        to: u64,
    ) -> Result<Vec<Transfer>, ChainError> {
        let logs = self.logs(contract, ethers::transfer_topic(), from, to).await?;
        logs.into_iter().map(Transfer::try_from).collect()
    }

    pub async fn anchors(
        &self,
        contract: EvmAddress,
        from: u64,
        to: u64,
    ) -> Result<Vec<Anchored>, ChainError> {
        let logs = self.logs(contract, ethers::anchored_topic(), from, to).await?;
        let anchored = |log: RawLog| {
            let (size, root) = ethers::read_anchored(&log.topics, &log.data)?;
            Ok(Anchored { size, root, tx_hash: log.transaction_hash })
        };
        logs.into_iter().map(anchored).collect()
    }

    /// Logs of a contract with this first topic.
    async fn logs(
        &self,
        contract: EvmAddress,
        topic: String,
        from: u64,
        to: u64,
    ) -> Result<Vec<RawLog>, ChainError> {
        let filter = json!({
            "address": contract.to_string(),
            "fromBlock": format!("{from:#x}"),
            "toBlock": format!("{to:#x}"),
            "topics": [topic],
        });
        self.ask("eth_getLogs", rpc_params![filter]).await
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TryFrom<RawReceipt> for Receipt {
    type Error = ChainError;

    fn try_from(raw: RawReceipt) -> Result<Self, ChainError> {
        let called = raw.to.as_deref().unwrap_or_default();
        let own = raw.logs.iter().filter(|log| log.address.eq_ignore_ascii_case(called));
        let skipped = own.filter_map(|log| ethers::read_skipped(&log.topics)).collect();
        Ok(Self {
            block_number: height(&raw.block_number)?,
            block_hash: raw.block_hash,
            succeeded: quantity(&raw.status)? == 1,
            gas_used: height(&raw.gas_used)?,
            effective_gas_price: raw.effective_gas_price.as_deref().map_or(Ok(0), quantity)?,
            skipped,
        })
    }
}

impl TryFrom<RawLog> for Transfer {
    type Error = ChainError;

    fn try_from(raw: RawLog) -> Result<Self, ChainError> {
        let (from, to, token) = ethers::read_transfer(&raw.topics)?;
        let at = LogPlace {
            tx_hash: raw.transaction_hash,
            block_number: height(&raw.block_number)?,
            block_hash: raw.block_hash,
            log_index: height(&raw.log_index)?,
        };
        Ok(Self { token, from, to, at })
    }
}

fn block_question(which: &str) -> Question {
    ("eth_getBlockByNumber", rpc_params![which, false])
}

/// Whether it is the contract's doing that a call failed, and not the node's.
fn failed_in_contract(error: &ErrorObjectOwned) -> bool {
    const REVERTED: i32 = 3;
    let said = error.message().to_lowercase();
    let words = ["revert", "out of gas", "opcode", "invalid jump", "stack", "write protection"];
    let data = error.data().map(|data| data.get().to_lowercase()).unwrap_or_default();
    error.code() == REVERTED
        || words.iter().any(|word| said.contains(word))
        || data.contains("revert")
}

fn unavailable(node: &str, error: impl std::fmt::Display) -> ChainError {
    ChainError::Unavailable(format!("{node}: {error}"))
}

/// Reads a JSON-RPC quantity.
pub(super) fn quantity(text: &str) -> Result<u128, ChainError> {
    text.strip_prefix("0x")
        .and_then(|digits| u128::from_str_radix(digits, 16).ok())
        .ok_or_else(|| ChainError::Nonsense(format!("not a quantity: {text:.20}")))
}

pub(super) fn height(text: &str) -> Result<u64, ChainError> {
    u64::try_from(quantity(text)?)
        .map_err(|_| ChainError::Nonsense("a number beyond 64 bits".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i32, message: &str, data: &str) -> ErrorObjectOwned {
        ErrorObjectOwned::owned(code, message, Some(data))
    }

    #[test]
    fn a_contract_s_no_is_read_as_nodes_spell_it() {
        let paused = "0xd93c0665";
        for error in [
            refused(3, "execution reverted", paused),
            refused(-32_000, "execution reverted", paused),
            refused(-32_015, "VM execution error.", &format!("Reverted {paused}")),
        ] {
            assert!(failed_in_contract(&error), "{error}");
            assert_eq!(Refused::from(&error).reason(), "EnforcedPause()");
        }
        assert!(!failed_in_contract(&refused(-32_005, "too many requests", "later")));
    }

    #[test]
    fn whatever_a_node_says_is_text_and_short() {
        let said = format!("a\0b\r\nc\u{2028}{}", "d".repeat(1_000));
        let reason = Refused::from(&refused(3, &said, "0x")).reason();
        assert!(reason.starts_with("abcd") && reason.len() == REASON_LIMIT, "{reason}");
    }

    #[test]
    fn quantities() {
        assert_eq!(quantity("0x10").unwrap(), 16);
        for bad in ["", "10", "0x", "0xzz", "0x-1"] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
    }
}
