//! What minting needs of a chain, in our own words. Another SDK, another node or a signing service
//! takes its place behind this trait.

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::lane::Attempt;
use domain::nft::address::EvmAddress;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum ChainError {
    /// No answer, or none that says anything about the question.
    #[error("the chain does not answer: {0}")]
    Unavailable(String),
    /// An answer that cannot be true, or configuration that cannot work.
    #[error("the chain's answer makes no sense: {0}")]
    Nonsense(String),
}

/// The two heads of a chain: what is newest, and what cannot go away any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    pub latest: u64,
    pub finalized: u64,
}

/// Fees for one transaction, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    pub max_fee_per_gas: u128,
    pub max_priority_fee_per_gas: u128,
}

/// What is to be minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    pub contract: EvmAddress,
    pub recipient: EvmAddress,
    pub token: WhiskeyId,
    /// SHA-256 of the metadata document.
    pub digest: [u8; 32],
}

/// What a block says of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub block_number: u64,
    pub block_hash: String,
    pub succeeded: bool,
    pub gas_used: u64,
    pub effective_gas_price: u128,
}

/// One network with one signer.
#[async_trait]
pub trait Chain: Send + Sync {
    /// The network's name in our configuration.
    fn network(&self) -> &str;

    /// EIP-155.
    fn chain_id(&self) -> u64;

    /// Whose nonces are spent.
    fn signer(&self) -> EvmAddress;

    async fn heads(&self) -> Result<Heads, ChainError>;

    /// How many transactions of the signer are in blocks.
    async fn nonce(&self) -> Result<u64, ChainError>;

    /// What a transaction should offer now, within the cap.
    async fn fees(&self) -> Result<Fees, ChainError>;

    /// Signs a mint. Nothing leaves the process.
    fn sign(&self, nonce: u64, mint: &Mint, fees: Fees) -> Result<Attempt, ChainError>;

    /// Hands signed bytes to the network. What it answers is not worth believing, so it is not
    /// told: a lost answer, "already known" and "nonce too low" may all mean success.
    async fn broadcast(&self, raw: &str);

    /// The transaction's receipt, if the node has one. None proves nothing.
    async fn receipt(&self, tx_hash: &str) -> Result<Option<Receipt>, ChainError>;

    /// The hash of the block that is at this height in the chain the node follows.
    async fn block_hash(&self, number: u64) -> Result<Option<String>, ChainError>;
}
