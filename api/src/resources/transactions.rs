//! Transactions by their hash: what the chain says, and what we signed it for.

use commands::Commands;
use commands::nft::MintPolicy;
use commands::nft::chains::unreachable_chain;
use commands::outside::readable_chain::Known;
use domain::id::TenantId;
use domain::permission::Permission;
use domain::violation::Violation;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::attempts::{AttemptRow, Attempts, Signed};
use projections::{Projection, Readers};

use super::{Tag, written};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::caught_up;

pub struct Transactions {
    pub commands: Commands,
    pub readers: Readers,
}

/// A transaction on a network.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ChainTransaction {
    hash: String,
    network: String,
    chain_id: u64,
    /// PENDING: in no block. SUCCEEDED or REVERTED: in one, which may go away until it is final.
    /// UNKNOWN: signed here, and no node knows it.
    status: String,
    /// Whether its block is final.
    is_final: bool,
    from: Option<String>,
    to: Option<String>,
    nonce: Option<u64>,
    block: Option<TransactionBlock>,
    gas_used: Option<u64>,
    /// Wei per gas, decimal.
    effective_gas_price: Option<String>,
    /// Null: it was not signed here, or for another tenant.
    signed: Option<SignedHere>,
}

#[derive(Object)]
struct TransactionBlock {
    number: u64,
    hash: String,
}

/// What a nonce was given to, with everything that was signed to spend it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct SignedHere {
    /// mints (one token, or several together), deployment (a contract) or anchor (a head of the ledger).
    errand: String,
    token_ids: Vec<String>,
    signer: String,
    nonce: i64,
    /// The transaction that stands in a final block. One that is not among the attempts is not ours.
    winner: Option<String>,
    attempts: Vec<SignedAttempt>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct SignedAttempt {
    hash: String,
    /// mint, deployment, anchor, or cancel: it spends the nonce on nothing.
    kind: String,
    /// Wei per gas, decimal.
    max_fee_per_gas: String,
    max_priority_fee_per_gas: String,
    gas_limit: i64,
    signed_at: String,
}

impl From<AttemptRow> for SignedAttempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            hash: row.tx_hash,
            kind: row.kind,
            max_fee_per_gas: row.max_fee_per_gas,
            max_priority_fee_per_gas: row.max_priority_fee_per_gas,
            gas_limit: row.gas_limit,
            signed_at: written(row.signed_at),
        }
    }
}

impl From<Signed> for SignedHere {
    fn from(signed: Signed) -> Self {
        let (lane, nonce) = (signed.slot.lane, signed.slot.nonce);
        let signer = lane.split_once('-').map_or(lane.as_str(), |(_, signer)| signer).to_owned();
        Self {
            errand: signed.slot.errand,
            token_ids: signed.slot.mints.iter().map(ToString::to_string).collect(),
            signer,
            nonce,
            winner: signed.slot.winner,
            attempts: signed.attempts.into_iter().map(SignedAttempt::from).collect(),
        }
    }
}

impl ChainTransaction {
    fn of(hash: String, policy: &MintPolicy, known: Option<Known>, signed: Option<Signed>) -> Self {
        let signed = signed.map(SignedHere::from);
        let none = Self {
            hash,
            network: policy.network.clone(),
            chain_id: policy.chain_id,
            status: "UNKNOWN".to_owned(),
            is_final: false,
            from: signed.as_ref().map(|signed| signed.signer.clone()),
            to: None,
            nonce: signed.as_ref().and_then(|signed| u64::try_from(signed.nonce).ok()),
            block: None,
            gas_used: None,
            effective_gas_price: None,
            signed,
        };
        let Some(Known { from, to, nonce, receipt, is_final }) = known else { return none };
        let status = match &receipt {
            None => "PENDING",
            Some(receipt) if receipt.succeeded => "SUCCEEDED",
            Some(_) => "REVERTED",
        };
        Self {
            status: status.to_owned(),
            is_final,
            from: Some(from),
            to,
            nonce: Some(nonce),
            gas_used: receipt.as_ref().map(|receipt| receipt.gas_used),
            effective_gas_price: receipt.as_ref().map(|of| of.effective_gas_price.to_string()),
            block: receipt
                .map(|of| TransactionBlock { number: of.block_number, hash: of.block_hash }),
            ..none
        }
    }
}

#[OpenApi(tag = "Tag::Blockchain")]
impl Transactions {
    /// One transaction
    ///
    /// Any, and every one that was ever signed here: with its tokens, its nonce and what else was signed
    /// to spend that.
    #[oai(path = "/blockchain/transaction/:hash", method = "get", operation_id = "transaction")]
    async fn transaction(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        hash: Path<String>,
        /// By name; the default one if left out.
        network: Query<Option<String>>,
    ) -> Result<Found<ChainTransaction>, Problem> {
        must_be_allowed(&caller.0, Permission::READ_WHISKEY)?;
        let hash = transaction_hash(&hash.0)?;
        let policy = self.commands.mint_policy(network.0.as_deref())?;
        caught_up(&self.readers, Attempts::NAME, min_position.0).await?;
        let chain = &self.commands.chains.of(policy.chain_id)?.chain;
        let known = chain.transaction(&hash).await.map_err(unreachable_chain)?;
        let signed = self.signed(caller.0.tenant(), &hash, policy.chain_id).await?;
        if known.is_none() && signed.is_none() {
            return Err(Problem::new(ErrorCode::NotFound));
        }
        Ok(Found::new(ChainTransaction::of(hash, policy, known, signed)))
    }
}

impl Transactions {
    /// What was signed for this network: a hash belongs to one.
    async fn signed(
        &self,
        tenant: TenantId,
        hash: &str,
        chain_id: u64,
    ) -> Result<Option<Signed>, Problem> {
        let signed = self.readers.signed(tenant, hash).await?;
        let lane = format!("{chain_id}-");
        Ok(signed.filter(|signed| signed.slot.lane.starts_with(&lane)))
    }
}

/// One spelling: lower case.
fn transaction_hash(text: &str) -> Result<String, Problem> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_lowercase());
    }
    let violation = Violation::WrongType("a transaction's hash: 0x and 64 hexadecimal digits");
    Err(Problem::invalid_field("hash", violation))
}
