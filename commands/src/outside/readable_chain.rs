//! What is asked of a chain beside minting: what became of a transaction, who holds a token, whether
//! a contract stands by a signature. No key is needed for any of it.

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;

use super::chain::{Chain, ChainError, FeeStyle, Receipt};

/// Who holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// A final block that every node asked knows.
    pub block_number: u64,
    pub block_hash: String,
    /// In that block. None: the token is not there.
    pub owner: Option<EvmAddress>,
    /// In the newest block.
    pub latest_owner: Option<EvmAddress>,
}

/// A transaction a node knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub from: String,
    /// None: it makes a contract.
    pub to: Option<String>,
    pub nonce: u64,
    /// None: it is in no block of the chain yet.
    pub receipt: Option<Receipt>,
    /// Whether that block is final.
    pub is_final: bool,
}

#[async_trait]
pub trait ReadableChain: Chain {
    fn fee_style(&self) -> FeeStyle;

    /// As many nodes agree on it as a verdict needs.
    async fn holding(&self, contract: EvmAddress, token: WhiskeyId) -> Result<Holding, ChainError>;

    /// Whether the contract at this address says that the signature is its own (EIP-1271), in this
    /// block. Where there is no contract, nobody says so.
    async fn stands_by(
        &self,
        wallet: EvmAddress,
        hash: [u8; 32],
        signature: &[u8],
        block: u64,
    ) -> Result<bool, ChainError>;

    async fn transaction(&self, hash: &str) -> Result<Option<Known>, ChainError>;
}
