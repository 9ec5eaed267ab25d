//! What minting needs of a chain, in our own words. Another SDK, another node or a signing service
//! takes its place behind these traits.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::lane::Attempt;
use domain::nft::LogPlace;
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

/// How a transaction says what it offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeeStyle {
    /// EIP-1559: a cap, and a tip below it.
    #[default]
    Dynamic,
    /// One gas price, where a network has nothing else.
    Legacy,
}

/// Fees for one transaction, in wei per gas. With one price both are that price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    pub style: FeeStyle,
    pub max_fee_per_gas: u128,
    pub max_priority_fee_per_gas: u128,
}

impl Fees {
    /// What is really asked now, the reserve for a rise left out.
    pub const fn needed(&self) -> u128 {
        match self.style {
            FeeStyle::Dynamic => self.max_fee_per_gas.midpoint(self.max_priority_fee_per_gas),
            FeeStyle::Legacy => self.max_fee_per_gas,
        }
    }
}

/// What a nonce is spent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spending {
    /// Tokens of one contract, together. One that is there already is left out, where there are several;
    /// alone, it makes the transaction fail.
    Mints { contract: EvmAddress, mints: Vec<Mint> },
    /// One token, against the proof of its cask's approval.
    ApprovedMint { contract: EvmAddress, mint: Mint, proof: Box<ApprovalProof> },
    /// A contract of ours that is made, with the texts of its collection.
    Deployment { name: String, symbol: String, admin: EvmAddress },
    /// A head of the ledger that a contract keeps, with the proof that it continues the last one there.
    Anchor { contract: EvmAddress, size: u64, root: [u8; 32], proof: Vec<[u8; 32]> },
    /// Nothing: no value from the signer to itself.
    Cancel,
}

/// What is to be minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    pub recipient: EvmAddress,
    pub token: WhiskeyId,
    /// SHA-256 of the metadata document.
    pub digest: [u8; 32],
}

/// The approval of a cask as it stands in the log, taken apart as the contract wants it, and the path from
/// it to the root of an anchored head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalProof {
    pub salt: [u8; 16],
    pub tenant: u64,
    pub sequence: u64,
    /// The envelope's text from `"schemaVersion"` on.
    pub rest: Vec<u8>,
    pub tenant_position: u64,
    /// In milliseconds since 1970.
    pub recorded_at: i64,
    pub position: u64,
    /// Of the anchored head.
    pub tree_size: u64,
    pub path: Vec<[u8; 32]>,
}

/// What a block says of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub block_number: u64,
    pub block_hash: String,
    pub succeeded: bool,
    pub gas_used: u64,
    pub effective_gas_price: u128,
    /// Tokens that the contract it called had already, and left out of a batch.
    pub skipped: Vec<WhiskeyId>,
}

/// A receipt from a block that cannot go away any more, with the final block it was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub receipt: Receipt,
    pub finalized_block: u64,
}

/// The transaction that spent a nonce, in a final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub tx_hash: String,
    pub block_number: u64,
    pub block_hash: String,
    pub finalized_block: u64,
}

/// A head of a ledger, as a contract logged that it keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    pub size: u64,
    pub root: [u8; 32],
    pub tx_hash: String,
}

/// A token as its contract numbers it, decimal. A cask's has the cask's id; one that somebody made behind
/// everybody's back may have any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenId(String);

impl TokenId {
    /// `number` is decimal.
    pub(super) fn new(number: impl std::fmt::Display) -> Self {
        Self(number.to_string())
    }

    pub fn of(cask: WhiskeyId) -> Self {
        Self::new(cask)
    }

    /// The cask whose token it would be; none, if no cask can have this number.
    pub fn cask(&self) -> Option<WhiskeyId> {
        self.0.parse().ok()
    }
}

impl std::fmt::Display for TokenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A movement of a token, as the contract logged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub token: TokenId,
    pub from: EvmAddress,
    pub to: EvmAddress,
    pub at: LogPlace,
}

/// One network, through as many nodes as are configured. Hashes are lower-case hex with 0x.
#[async_trait]
pub trait Chain: Send + Sync {
    /// The network's name in our configuration.
    fn network(&self) -> &str;

    /// EIP-155.
    fn chain_id(&self) -> u64;

    /// How often a block comes, roughly.
    fn block_time(&self) -> Duration;

    /// Whether enough of its nodes are well for new transactions to be begun.
    fn is_steady(&self) -> bool;

    async fn heads(&self) -> Result<Heads, ChainError>;

    /// How many transactions of the account are in blocks.
    async fn nonce(&self, of: EvmAddress) -> Result<u64, ChainError>;

    /// What spent an account's nonce, by final blocks, if as many nodes agree as a verdict needs.
    async fn spent(&self, of: EvmAddress, nonce: u64) -> Result<Option<Spent>, ChainError>;

    async fn balance(&self, of: EvmAddress) -> Result<u128, ChainError>;

    /// What a transaction has to offer now to come into one of the next blocks.
    async fn fees(&self) -> Result<Fees, ChainError>;

    /// No transaction offers more than this per gas.
    fn fee_cap(&self) -> u128;

    /// Hands signed bytes to every node. What they answer is not worth believing, so it is not
    /// told: a lost answer, "already known" and "nonce too low" may all mean success.
    async fn broadcast(&self, raw: &[String]);

    /// Receipts of those that stand in a block of the chain the node follows. That one is missing
    /// proves nothing.
    async fn receipts(&self, of: &[String]) -> Result<HashMap<String, Receipt>, ChainError>;

    /// Receipts from final blocks, where as many nodes agree as a verdict needs.
    async fn verdicts(&self, of: &[String]) -> Result<HashMap<String, Verdict>, ChainError>;

    /// The hash of the block that is at this height in the chain the node follows.
    async fn block_hash(&self, number: u64) -> Result<Option<String>, ChainError>;

    /// The digests the contract has for tokens; zero where it never minted one.
    async fn digests(
        &self,
        contract: EvmAddress,
        of: &[WhiskeyId],
    ) -> Result<Vec<[u8; 32]>, ChainError>;

    /// Why a contract would refuse this from the account as things stand, in the contract's words; none: it
    /// would do it.
    async fn refusal(
        &self,
        from: EvmAddress,
        spending: &Spending,
    ) -> Result<Option<String>, ChainError>;

    /// The same of signed bytes, asked of the state after a block: why they reverted in it. None: the state
    /// has changed since, or the node knows it no more.
    async fn revert_reason(
        &self,
        from: EvmAddress,
        raw: &str,
        block: u64,
    ) -> Result<Option<String>, ChainError>;

    /// The last head of a ledger that the contract keeps, by its size and its root. A size of zero: none.
    async fn anchored(&self, contract: EvmAddress) -> Result<(u64, [u8; 32]), ChainError>;

    /// Whether the contract mints only what is proven to be approved.
    async fn approval_required(&self, contract: EvmAddress) -> Result<bool, ChainError>;

    /// Whether the contract takes heads from this account.
    async fn may_anchor(
        &self,
        contract: EvmAddress,
        account: EvmAddress,
    ) -> Result<bool, ChainError>;

    /// Whether the contract mints for this account.
    async fn may_mint(&self, contract: EvmAddress, account: EvmAddress)
    -> Result<bool, ChainError>;

    /// Every head of a ledger that the contract has taken in these blocks, if as many nodes agree as a
    /// verdict needs.
    async fn anchors(
        &self,
        contract: EvmAddress,
        from: u64,
        to: u64,
    ) -> Result<Vec<Anchored>, ChainError>;

    /// Every movement of a token in these blocks, mints and burns among them, if as many nodes agree
    /// as a verdict needs.
    async fn transfers(
        &self,
        contract: EvmAddress,
        from: u64,
        to: u64,
    ) -> Result<Vec<Transfer>, ChainError>;
}

/// Signs what spends an account's nonces on one network.
#[async_trait]
pub trait Signer: Send + Sync {
    fn address(&self) -> EvmAddress;

    /// Nothing leaves the process but the digest that is signed.
    async fn sign(
        &self,
        nonce: u64,
        spending: &Spending,
        fees: Fees,
    ) -> Result<Attempt, ChainError>;
}
