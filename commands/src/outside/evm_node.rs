//! A node of an EVM chain, asked by JSON-RPC.

use std::time::Duration;

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::lane::Attempt;
use domain::nft::address::EvmAddress;
use jsonrpsee_core::client::ClientT;
use jsonrpsee_core::params::ArrayParams;
use jsonrpsee_core::rpc_params;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::chain::{Chain, ChainError, Fees, Heads, Mint, Receipt};
use super::ethers::{self, Account};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// What a transaction offers where the node suggests nothing.
const DEFAULT_TIP_WEI: u128 = 1_000_000_000;

/// How to reach a network and in whose name.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    pub name: String,
    pub chain_id: u64,
    pub rpc_url: String,
    pub signer_key: SecretString,
    /// No transaction offers more than this per gas.
    pub max_fee_wei: u128,
}

/// A node and the account that signs.
pub struct EvmNode {
    settings: NetworkSettings,
    client: HttpClient,
    account: Account,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    number: String,
    hash: String,
    base_fee_per_gas: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    block_number: String,
    block_hash: String,
    status: String,
    gas_used: String,
    effective_gas_price: String,
}

impl EvmNode {
    pub fn new(settings: NetworkSettings) -> Result<Self, ChainError> {
        let client = HttpClientBuilder::default()
            .request_timeout(REQUEST_TIMEOUT)
            .max_response_size(4 * 1024 * 1024)
            .build(&settings.rpc_url)
            .map_err(|error| ChainError::Nonsense(format!("the RPC URL: {error}")))?;
        let account = Account::new(&settings.signer_key, settings.chain_id)?;
        Ok(Self { settings, client, account })
    }

    /// Refuses a node of another chain: signed bytes must not meet a chain they were not made for.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        let answered = quantity(&self.ask::<String>("eth_chainId", rpc_params![]).await?)?;
        if answered == u128::from(self.settings.chain_id) {
            Ok(())
        } else {
            Err(ChainError::Nonsense(format!(
                "the node is on chain {answered}, configured is {}",
                self.settings.chain_id
            )))
        }
    }

    /// Who holds the token, by the newest block.
    pub async fn owner_of(
        &self,
        contract: EvmAddress,
        token: WhiskeyId,
    ) -> Result<EvmAddress, ChainError> {
        ethers::read_address(&self.call(contract, ethers::owner_of(token)).await?)
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) async fn may_mint(
        &self,
        contract: EvmAddress,
        minter: EvmAddress,
    ) -> Result<bool, ChainError> {
        ethers::read_bool(&self.call(contract, ethers::has_minter_role(minter)).await?)
    }

    pub(super) async fn has_code(&self, at: EvmAddress) -> Result<bool, ChainError> {
        let code: String = self.ask("eth_getCode", rpc_params![at.to_string(), "latest"]).await?;
        Ok(code.len() > 2)
    }

    async fn call(&self, contract: EvmAddress, data: String) -> Result<String, ChainError> {
        let call = json!({ "to": contract.to_string(), "data": data });
        self.ask("eth_call", rpc_params![call, "latest"]).await
    }

    async fn block(&self, which: &str) -> Result<Option<Block>, ChainError> {
        self.ask("eth_getBlockByNumber", rpc_params![which, false]).await
    }

    async fn known_block(&self, which: &str) -> Result<Block, ChainError> {
        let block = self.block(which).await?;
        block.ok_or_else(|| ChainError::Unavailable(format!("there is no {which} block")))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: ArrayParams,
    ) -> Result<T, ChainError> {
        self.client
            .request(method, params)
            .await
            .map_err(|error| ChainError::Unavailable(format!("{method}: {error}")))
    }
}

#[async_trait]
impl Chain for EvmNode {
    fn network(&self) -> &str {
        &self.settings.name
    }

    fn chain_id(&self) -> u64 {
        self.settings.chain_id
    }

    fn signer(&self) -> EvmAddress {
        self.account.address()
    }

    async fn heads(&self) -> Result<Heads, ChainError> {
        // The final block first: if the chain grows in between, the pair is only too careful.
        let finalized = quantity(&self.known_block("finalized").await?.number)?;
        let latest = quantity(&self.known_block("latest").await?.number)?;
        Ok(Heads { latest: height(latest)?, finalized: height(finalized)? })
    }

    async fn nonce(&self) -> Result<u64, ChainError> {
        let params = rpc_params![self.signer().to_string(), "latest"];
        height(quantity(&self.ask::<String>("eth_getTransactionCount", params).await?)?)
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        let base = self.known_block("latest").await?.base_fee_per_gas;
        let base = base.as_deref().map(quantity).transpose()?.unwrap_or_default();
        let tip = match self.ask::<String>("eth_maxPriorityFeePerGas", rpc_params![]).await {
            Ok(tip) => quantity(&tip)?,
            Err(_) => DEFAULT_TIP_WEI,
        };
        // Twice the base fee stays includable through six full blocks in a row.
        let max_fee_per_gas = (2 * base + tip).min(self.settings.max_fee_wei);
        Ok(Fees { max_fee_per_gas, max_priority_fee_per_gas: tip.min(max_fee_per_gas) })
    }

    fn sign(&self, nonce: u64, mint: &Mint, fees: Fees) -> Result<Attempt, ChainError> {
        self.account.sign_mint(nonce, mint, fees)
    }

    async fn broadcast(&self, raw: &str) {
        let answer: Result<String, _> = self.ask("eth_sendRawTransaction", rpc_params![raw]).await;
        if let Err(error) = answer {
            tracing::debug!(%error, "a broadcast was answered with an error");
        }
    }

    async fn receipt(&self, tx_hash: &str) -> Result<Option<Receipt>, ChainError> {
        let raw: Option<RawReceipt> =
            self.ask("eth_getTransactionReceipt", rpc_params![tx_hash]).await?;
        raw.map(|raw| {
            Ok(Receipt {
                block_number: height(quantity(&raw.block_number)?)?,
                block_hash: raw.block_hash,
                succeeded: quantity(&raw.status)? == 1,
                gas_used: height(quantity(&raw.gas_used)?)?,
                effective_gas_price: quantity(&raw.effective_gas_price)?,
            })
        })
        .transpose()
    }

    async fn block_hash(&self, number: u64) -> Result<Option<String>, ChainError> {
        Ok(self.block(&format!("{number:#x}")).await?.map(|block| block.hash))
    }
}

/// Reads a JSON-RPC quantity.
fn quantity(text: &str) -> Result<u128, ChainError> {
    text.strip_prefix("0x")
        .and_then(|digits| u128::from_str_radix(digits, 16).ok())
        .ok_or_else(|| ChainError::Nonsense(format!("not a quantity: {text:.20}")))
}

fn height(value: u128) -> Result<u64, ChainError> {
    u64::try_from(value).map_err(|_| ChainError::Nonsense("a number beyond 64 bits".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        assert_eq!(quantity("0x10").unwrap(), 16);
        for bad in ["", "10", "0x", "0xzz", "0x-1"] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
    }
}
