//! Reading from a network through all its nodes. What a proof rests on is asked of as many of them as
//! a verdict needs, at one block, and they have to agree.

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use jsonrpsee_core::rpc_params;
use serde_json::json;

use super::chain::{Chain, ChainError, FeeStyle};
use super::ethers;
use super::evm_network::EvmNetwork;
use super::readable_chain::{Holding, Known, ReadableChain};
use super::rpc::{Transaction, height};

/// Enough for a wallet that checks several signatures, and no work for a node.
const CALL_GAS: &str = "0x4c4b40";

#[async_trait]
impl ReadableChain for EvmNetwork {
    fn fee_style(&self) -> FeeStyle {
        self.settings.fee_style
    }

    async fn holding(&self, contract: EvmAddress, token: WhiskeyId) -> Result<Holding, ChainError> {
        let (block_number, block_hash) = self.common_final_block().await?;
        let at = format!("{block_number:#x}");
        let (owner, latest_owner) = tokio::try_join!(
            self.agreed_owner(contract, token, &at),
            self.agreed_owner(contract, token, "latest"),
        )?;
        Ok(Holding { block_number, block_hash, owner, latest_owner })
    }

    async fn stands_by(
        &self,
        wallet: EvmAddress,
        hash: [u8; 32],
        signature: &[u8],
        block: u64,
    ) -> Result<bool, ChainError> {
        let at = format!("{block:#x}");
        // The echo below address 4 would say yes to everything.
        let code = self.all(|node| node.ask("eth_getCode", code_of(wallet, &at))).await;
        let codes: Vec<String> = self.same(code)?;
        if codes.first().is_none_or(|code| code.len() <= 2) {
            return Ok(false);
        }
        let data = ethers::is_valid_signature(hash, signature);
        let returned = self.agreed_call(wallet, &data, &at).await?;
        Ok(returned.is_some_and(|word| ethers::is_signature_magic(&word)))
    }

    async fn transaction(&self, hash: &str) -> Result<Option<Known>, ChainError> {
        let told: Vec<Option<Transaction>> =
            self.all(|node| node.ask("eth_getTransactionByHash", rpc_params![hash])).await;
        if told.is_empty() {
            return Err(ChainError::Unavailable("no node answers".to_owned()));
        }
        let Some(known) = told.into_iter().flatten().next() else { return Ok(None) };
        // The heads first: what is final by them is final.
        let heads = self.heads().await?;
        let receipt = self.receipts(&[hash.to_owned()]).await?.remove(hash);
        let is_final = receipt.as_ref().is_some_and(|of| of.block_number <= heads.finalized);
        let nonce = height(&known.nonce)?;
        Ok(Some(Known { from: known.from, to: known.to, nonce, receipt, is_final }))
    }
}

impl EvmNetwork {
    /// The newest block that is final by as many nodes as a verdict needs.
    pub async fn agreed_final_block(&self) -> Result<u64, ChainError> {
        Ok(self.common_final_block().await?.0)
    }

    /// The digest of a token's metadata at a block, by as many nodes; zero where it was never minted.
    pub async fn agreed_digest(
        &self,
        contract: EvmAddress,
        token: WhiskeyId,
        block: u64,
    ) -> Result<[u8; 32], ChainError> {
        let at = format!("{block:#x}");
        let returned = self.agreed_call(contract, &ethers::digest_of(token), &at).await?;
        returned.map_or(Ok([0; 32]), |word| ethers::read_word(&word))
    }

    /// The same of several tokens today, alike by every node; zero where one was never minted.
    pub async fn agreed_digests(
        &self,
        contract: EvmAddress,
        of: &[WhiskeyId],
    ) -> Result<Vec<[u8; 32]>, ChainError> {
        let data: Vec<String> = of.iter().map(|token| ethers::digest_of(*token)).collect();
        let told = self.all(|node| node.call(contract, data.clone())).await;
        let words = self.same(told)?.into_iter().next().ok_or_else(too_few)?;
        // Where there is no such contract, nothing is returned.
        let read = |word: &String| if word == "0x" { Ok([0; 32]) } else { ethers::read_word(word) };
        words.iter().map(read).collect()
    }

    /// The final block of the node that is furthest behind, if enough nodes have the same one there.
    async fn common_final_block(&self) -> Result<(u64, String), ChainError> {
        let heads = self.all(|node| node.heads()).await;
        if heads.len() < self.witnesses() {
            return Err(too_few());
        }
        let number = heads.iter().map(|heads| heads.finalized).min().ok_or_else(too_few)?;
        let which = format!("{number:#x}");
        let blocks = self.all(|node| node.block(&which)).await.into_iter().flatten();
        let hashes = self.same(blocks.map(|block| block.hash).collect())?;
        Ok((number, hashes.into_iter().next().ok_or_else(too_few)?))
    }

    async fn agreed_owner(
        &self,
        contract: EvmAddress,
        token: WhiskeyId,
        at: &str,
    ) -> Result<Option<EvmAddress>, ChainError> {
        let returned = self.agreed_call(contract, &ethers::owner_of(token), at).await?;
        returned.map(|word| ethers::read_address(&word)).transpose()
    }

    /// What a contract returns, by enough nodes. None: it refuses.
    async fn agreed_call(
        &self,
        to: EvmAddress,
        data: &str,
        at: &str,
    ) -> Result<Option<String>, ChainError> {
        let call = || {
            let call = json!({ "to": to.to_string(), "data": data, "gas": CALL_GAS });
            rpc_params![call, at]
        };
        let answers =
            self.all(|node| async move { Ok(node.ask_contract(call()).await?.ok()) }).await;
        Ok(self.same(answers)?.into_iter().next().flatten())
    }

    /// The answers, if there are enough and all are the same.
    fn same<T: PartialEq>(&self, answers: Vec<T>) -> Result<Vec<T>, ChainError> {
        if answers.len() < self.witnesses() {
            return Err(too_few());
        }
        if answers.windows(2).any(|two| two[0] != two[1]) {
            // Newest blocks come to one node before the other; nothing is concluded from that.
            return Err(ChainError::Unavailable("nodes do not agree yet".to_owned()));
        }
        Ok(answers)
    }
}

fn code_of(wallet: EvmAddress, at: &str) -> jsonrpsee_core::params::ArrayParams {
    rpc_params![wallet.to_string(), at]
}

fn too_few() -> ChainError {
    ChainError::Unavailable("too few nodes answer for a proof".to_owned())
}
