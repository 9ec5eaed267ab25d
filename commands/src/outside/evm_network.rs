//! A network through all its nodes: whoever answers is asked, and verdicts need as many as are
//! configured, two at most, to agree.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use futures::future::join_all;
use jsonrpsee_core::rpc_params;
use serde_json::Value;

use super::chain::{
    Anchored, Chain, ChainError, FeeStyle, Fees, Heads, Receipt, Spending, Spent, Transfer, Verdict,
};
use super::ethers::{self, ContractRole};
use super::evm_logs::Parts;
use super::rpc::{Block, Node, height, quantity};

/// What a transaction offers where the node suggests nothing.
const DEFAULT_TIP_WEI: u128 = 1_000_000_000;
/// How many nodes have to agree on a verdict, where there are so many.
const WITNESSES: usize = 2;

/// How to reach a network, and what may be paid there.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    pub name: String,
    pub chain_id: u64,
    pub rpc_urls: Vec<String>,
    pub fee_style: FeeStyle,
    /// No transaction offers more than this per gas.
    pub max_fee_wei: u128,
    /// Some networks take no less.
    pub min_tip_wei: u128,
    pub block_time: Duration,
}

pub struct EvmNetwork {
    pub(super) settings: NetworkSettings,
    pub(super) nodes: Vec<Node>,
}

impl EvmNetwork {
    pub fn new(settings: NetworkSettings) -> Result<Self, ChainError> {
        let nodes = settings.rpc_urls.iter().map(|url| Node::new(url, settings.chain_id));
        let nodes: Vec<Node> = nodes.collect::<Result<_, _>>()?;
        if nodes.is_empty() {
            return Err(ChainError::Nonsense("a network without an RPC URL".to_owned()));
        }
        Ok(Self { settings, nodes })
    }

    /// Refuses nodes of another chain. One that does not answer now is asked before its first use.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        for node in &self.nodes {
            match node.heads().await {
                Ok(_) | Err(ChainError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Who holds the token, by the newest block.
    pub async fn owner_of(
        &self,
        contract: EvmAddress,
        token: WhiskeyId,
    ) -> Result<EvmAddress, ChainError> {
        ethers::read_address(&self.call(contract, ethers::owner_of(token)).await?)
    }

    pub(super) async fn has_role(
        &self,
        contract: EvmAddress,
        role: ContractRole,
        account: EvmAddress,
    ) -> Result<bool, ChainError> {
        ethers::read_bool(&self.call(contract, ethers::has_role(role, account)).await?)
    }

    pub(super) async fn has_code(&self, at: EvmAddress) -> Result<bool, ChainError> {
        let params = || rpc_params![at.to_string(), "latest"];
        Ok(self.first(|node| node.ask::<String>("eth_getCode", params())).await?.len() > 2)
    }

    async fn refused(&self, call: &Value, at: &str) -> Result<Option<String>, ChainError> {
        let returned = self.first(|node| node.ask_contract(rpc_params![call, at])).await?;
        Ok(returned.err().map(|refused| refused.reason()))
    }

    async fn call(&self, to: EvmAddress, data: String) -> Result<String, ChainError> {
        let answers = self.first(|node| node.call(to, vec![data.clone()])).await?;
        let none = || ChainError::Unavailable("a call got no answer".to_owned());
        answers.into_iter().next().ok_or_else(none)
    }

    /// The first answer: of the nodes that are well first, of the others if there is none.
    pub(super) async fn first<'a, T, F>(
        &'a self,
        ask: impl Fn(&'a Node) -> F,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let (well, ill): (Vec<&Node>, Vec<&Node>) =
            self.nodes.iter().partition(|node| node.may_be_asked());
        let mut last = ChainError::Unavailable("there is no node".to_owned());
        for node in well.into_iter().chain(ill) {
            match ask(node).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The answers of all that answer.
    pub(super) async fn all<'a, T, F>(&'a self, ask: impl Fn(&'a Node) -> F) -> Vec<T>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let answers = join_all(self.nodes.iter().map(&ask)).await;
        answers.into_iter().filter_map(Result::ok).collect()
    }

    pub(super) fn witnesses(&self) -> usize {
        self.nodes.len().min(WITNESSES)
    }

    async fn dynamic_fees(&self, node: &Node) -> Result<Fees, ChainError> {
        let latest: Option<Block> = node.block("latest").await?;
        let base = latest.and_then(|block| block.base_fee_per_gas);
        let base = base.as_deref().map(quantity).transpose()?.unwrap_or_default();
        let tip = match node.ask::<String>("eth_maxPriorityFeePerGas", rpc_params![]).await {
            Ok(tip) => quantity(&tip)?,
            Err(_) => DEFAULT_TIP_WEI,
        };
        let tip = tip.max(self.settings.min_tip_wei);
        // Twice the base fee stays includable through six full blocks in a row.
        let max_fee_per_gas = 2 * base + tip;
        let style = FeeStyle::Dynamic;
        Ok(Fees { style, max_fee_per_gas, max_priority_fee_per_gas: tip })
    }

    async fn legacy_fees(&self, node: &Node) -> Result<Fees, ChainError> {
        let price = quantity(&node.ask::<String>("eth_gasPrice", rpc_params![]).await?)?;
        let price = price.max(self.settings.min_tip_wei);
        let style = FeeStyle::Legacy;
        Ok(Fees { style, max_fee_per_gas: price, max_priority_fee_per_gas: price })
    }
}

#[async_trait]
impl Chain for EvmNetwork {
    fn network(&self) -> &str {
        &self.settings.name
    }

    fn chain_id(&self) -> u64 {
        self.settings.chain_id
    }

    fn block_time(&self) -> Duration {
        self.settings.block_time
    }

    fn is_steady(&self) -> bool {
        self.nodes.iter().filter(|node| !node.is_resting()).count() >= self.witnesses()
    }

    async fn heads(&self) -> Result<Heads, ChainError> {
        self.first(Node::heads).await
    }

    async fn nonce(&self, of: EvmAddress) -> Result<u64, ChainError> {
        let params = || rpc_params![of.to_string(), "latest"];
        height(&self.first(|node| node.ask::<String>("eth_getTransactionCount", params())).await?)
    }

    async fn spent(&self, of: EvmAddress, nonce: u64) -> Result<Option<Spent>, ChainError> {
        let told = self.all(|node| node.spent(of, nonce)).await;
        if told.len() < self.witnesses() {
            return Err(too_few());
        }
        let found: Vec<&Spent> = told.iter().flatten().collect();
        let agree = found.windows(2).all(|two| two[0].tx_hash == two[1].tx_hash);
        if !agree {
            tracing::error!(nonce, network = self.settings.name, "nodes disagree on a final block");
            return Ok(None);
        }
        Ok(found.first().filter(|_| found.len() >= self.witnesses()).map(|spent| (*spent).clone()))
    }

    async fn balance(&self, of: EvmAddress) -> Result<u128, ChainError> {
        let params = || rpc_params![of.to_string(), "latest"];
        // More than 128 bits of wei do not exist but on test chains.
        Ok(quantity(&self.first(|node| node.ask::<String>("eth_getBalance", params())).await?)
            .unwrap_or(u128::MAX))
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        match self.settings.fee_style {
            FeeStyle::Dynamic => self.first(|node| self.dynamic_fees(node)).await,
            FeeStyle::Legacy => self.first(|node| self.legacy_fees(node)).await,
        }
    }

    fn fee_cap(&self) -> u128 {
        self.settings.max_fee_wei
    }

    async fn broadcast(&self, raw: &[String]) {
        join_all(self.nodes.iter().map(|node| node.send(raw))).await;
    }

    async fn receipts(&self, of: &[String]) -> Result<HashMap<String, Receipt>, ChainError> {
        self.first(|node| node.receipts(of)).await
    }

    async fn verdicts(&self, of: &[String]) -> Result<HashMap<String, Verdict>, ChainError> {
        let told = self.all(|node| node.verdicts(of)).await;
        if told.len() < self.witnesses() {
            return Err(too_few());
        }
        Ok(of.iter().filter_map(|hash| Some((hash.clone(), self.agreed(hash, &told)?))).collect())
    }

    async fn block_hash(&self, number: u64) -> Result<Option<String>, ChainError> {
        let which = format!("{number:#x}");
        Ok(self.first(|node| node.block(&which)).await?.map(|block| block.hash))
    }

    async fn digests(
        &self,
        contract: EvmAddress,
        of: &[WhiskeyId],
    ) -> Result<Vec<[u8; 32]>, ChainError> {
        let data: Vec<String> = of.iter().map(|token| ethers::digest_of(*token)).collect();
        let words = self.first(|node| node.call(contract, data.clone())).await?;
        words.iter().map(|word| ethers::read_word(word)).collect()
    }

    async fn refusal(
        &self,
        from: EvmAddress,
        spending: &Spending,
    ) -> Result<Option<String>, ChainError> {
        let call = ethers::call_of(from, self.settings.chain_id, spending);
        self.refused(&call, "latest").await
    }

    async fn revert_reason(
        &self,
        from: EvmAddress,
        raw: &str,
        block: u64,
    ) -> Result<Option<String>, ChainError> {
        self.refused(&ethers::call_in(from, raw)?, &format!("{block:#x}")).await
    }

    async fn anchored(&self, contract: EvmAddress) -> Result<(u64, [u8; 32]), ChainError> {
        ethers::read_head(&self.call(contract, ethers::anchored_head()).await?)
    }

    async fn approval_required(&self, contract: EvmAddress) -> Result<bool, ChainError> {
        ethers::read_bool(&self.call(contract, ethers::approval_required()).await?)
    }

    async fn may_anchor(
        &self,
        contract: EvmAddress,
        account: EvmAddress,
    ) -> Result<bool, ChainError> {
        self.has_role(contract, ContractRole::Anchor, account).await
    }

    async fn may_mint(
        &self,
        contract: EvmAddress,
        account: EvmAddress,
    ) -> Result<bool, ChainError> {
        self.has_role(contract, ContractRole::Minter, account).await
    }

    async fn transfers(
        &self,
        contract: EvmAddress,
        from: u64,
        to: u64,
    ) -> Result<Vec<Transfer>, ChainError> {
        let mut parts = Parts::of(from, to);
        while let Some((from, to)) = parts.next() {
            let told = self.all(|node| node.transfers(contract, from, to)).await;
            parts.take((from, to), self.agreed_logs(told, from, to))?;
        }
        Ok(parts.logs)
    }

    async fn anchors(
        &self,
        contract: EvmAddress,
        from: u64,
        to: u64,
    ) -> Result<Vec<Anchored>, ChainError> {
        let mut parts = Parts::of(from, to);
        while let Some((from, to)) = parts.next() {
            let told = self.all(|node| node.anchors(contract, from, to)).await;
            parts.take((from, to), self.agreed_logs(told, from, to))?;
        }
        Ok(parts.logs)
    }
}

impl EvmNetwork {
    /// Logs that every node tells alike.
    fn agreed_logs<T: PartialEq>(
        &self,
        mut told: Vec<Vec<T>>,
        from: u64,
        to: u64,
    ) -> Result<Vec<T>, ChainError> {
        if told.len() < self.witnesses() {
            return Err(too_few());
        }
        let first = told.pop().unwrap_or_default();
        if told.iter().any(|other| *other != first) {
            tracing::error!(network = self.settings.name, from, to, "nodes disagree on logs");
            return Err(ChainError::Unavailable("the nodes disagree on final blocks".to_owned()));
        }
        Ok(first)
    }

    /// What enough nodes say of a transaction, and none of them otherwise.
    fn agreed(&self, hash: &str, told: &[HashMap<String, Verdict>]) -> Option<Verdict> {
        let verdicts: Vec<&Verdict> = told.iter().filter_map(|of| of.get(hash)).collect();
        let first = *verdicts.first()?;
        if verdicts.iter().any(|verdict| verdict.receipt != first.receipt) {
            tracing::error!(hash, network = self.settings.name, "nodes disagree on a final block");
            return None;
        }
        let finalized_block = verdicts.iter().map(|verdict| verdict.finalized_block).min()?;
        (verdicts.len() >= self.witnesses())
            .then(|| Verdict { receipt: first.receipt.clone(), finalized_block })
    }
}

fn too_few() -> ChainError {
    ChainError::Unavailable("too few nodes answer for a verdict".to_owned())
}
