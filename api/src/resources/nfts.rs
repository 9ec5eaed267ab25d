//! Tokens: ask for one, follow it, read its metadata.

use commands::Commands;
use commands::nft::Generation;
use domain::id::WhiskeyId;
use domain::nft::address::Recipient;
use domain::permission::Permission;
use eventstore::ledger::read::Ledger;
use poem::{IntoResponse, Response};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::nfts::NftRow;
use projections::{Past, Projection, Readers, nfts};

use super::whiskeys::filters::owner_named;
use super::whiskeys::whiskey_id;
use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Accepted, Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::past::{rebuilt, shown};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};
use crate::http::values::Text;

pub struct Nfts {
    pub commands: Commands,
    pub readers: Readers,
    pub past: Past,
    pub ledger: Ledger,
}

/// A cask whose token is to be minted.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct GenerateBody {
    whiskey_id: Needed<WhiskeyId>,
    /// The network by name; the configured one if left out.
    network: Parsed<Text<50>>,
    /// Who is to hold the token; the platform's custody if left out.
    recipient: Parsed<Recipient>,
}

impl Checked for GenerateBody {
    type Value = Generation;

    fn check(self, violations: &mut Violations) -> Option<Generation> {
        let whiskey = violations.required("whiskeyId", self.whiskey_id);
        let network = violations.optional("network", self.network);
        let recipient = violations.optional("recipient", self.recipient);
        Some(Generation {
            whiskey: whiskey?,
            network: network?.map(|text| text.0),
            recipient: recipient?.map(|Recipient(address)| address),
        })
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Requested {
    token_id: String,
    status: String,
}

/// A token. Its id is its cask's.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Nft {
    token_id: String,
    whiskey_id: String,
    owner: String,
    /// REQUESTED, PINNED, ASSIGNED, SUBMITTED, INCLUDED, CONFIRMED, BURNED, HELD or FAILED.
    status: String,
    network: String,
    contract: String,
    recipient: String,
    /// Who holds the token by the chain's final blocks. A transfer of the token is not one of title:
    /// the cask's owner is `owner`.
    holder: Option<String>,
    /// Who has shown the holder's key.
    shown_by: Option<String>,
    /// Whether the holder is the cask's owner; null as long as nobody has shown the holder's key.
    held_by_owner: Option<bool>,
    /// Why the mint does not go on: fee_cap, funds, other_contract, unproven, refused,
    /// already_on_chain or operator.
    hold: Option<String>,
    /// CIDv1 of the metadata document, one raw block.
    metadata_cid: Option<String>,
    transaction: Option<Transaction>,
    /// reverted_at_finality, cancelled_at_finality, skipped_at_finality or never_sent.
    failure: Option<String>,
    /// What the contract said against a mint when it was held as refused, or when it reverted: its error,
    /// decoded, as `EnforcedPause()`.
    reason: Option<String>,
    requested_at: String,
    confirmed_at: Option<String>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Transaction {
    hash: String,
    signer: Option<String>,
    nonce: Option<i64>,
    block_number: Option<i64>,
    block_hash: Option<String>,
    gas_used: Option<i64>,
    /// Wei per gas, decimal.
    effective_gas_price: Option<String>,
}

impl From<NftRow> for Nft {
    fn from(row: NftRow) -> Self {
        let shown_holder = row.shown_holder();
        Self {
            token_id: row.token_id.to_string(),
            whiskey_id: row.token_id.to_string(),
            owner: row.owner.to_string(),
            status: row.shown_status().to_owned(),
            network: row.network,
            contract: row.contract,
            recipient: row.recipient,
            holder: row.holder,
            shown_by: shown_holder.map(|user| user.to_string()),
            held_by_owner: shown_holder.map(|user| user == row.owner),
            hold: row.hold,
            metadata_cid: row.cid,
            transaction: row.tx_hash.map(|hash| Transaction {
                hash,
                signer: row.signer,
                nonce: row.nonce,
                block_number: row.block_number,
                block_hash: row.block_hash,
                gas_used: row.gas_used,
                effective_gas_price: row.effective_gas_price,
            }),
            failure: row.failure,
            reason: row.reason,
            requested_at: written(row.requested_at),
            confirmed_at: row.confirmed_at.map(written),
        }
    }
}

#[OpenApi(tag = "Tag::Nfts")]
impl Nfts {
    /// Ask for a cask's token to be minted
    #[oai(path = "/nfts/generate", method = "post", operation_id = "generate_nft")]
    async fn generate_nft(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<GenerateBody>,
    ) -> Result<Accepted<Requested>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.generate_nft(&asked, &body.value).await?;
        let token_id = done.answer.to_string();
        let location = format!("/api/v1/nfts/{token_id}");
        let requested = Requested { token_id, status: "REQUESTED".to_owned() };
        Ok(Accepted::new(requested).at(location).done(&done))
    }

    /// One token
    #[oai(path = "/nfts/:tokenId", method = "get", operation_id = "nft")]
    async fn nft(
        &self,
        caller: Caller,
        #[oai(name = "tokenId")] token_id: Path<String>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A position of the log or an RFC 3339 time: the token as it was then.
        #[oai(name = "asOf")]
        as_of: Query<Option<String>>,
    ) -> Result<Found<Nft>, Problem> {
        must_be_allowed(&caller.0, Permission::READ_WHISKEY)?;
        caught_up(&self.readers, nfts::Nfts::NAME, min_position.0).await?;
        let (tenant, token) = (caller.0.tenant(), whiskey_id(&token_id.0)?);
        let (row, made_of) = match as_of.0 {
            Some(then) => {
                let past = rebuilt(&self.past, &then, |at| self.past.nft(tenant, token, at));
                shown(&self.ledger, past.await?).await?
            }
            None => (self.readers.nft(tenant, token).await?, None),
        };
        let row = row.ok_or_else(|| Problem::new(ErrorCode::NftNotFound))?;
        let sequence = row.sequence;
        Ok(Found::new(row.into()).made_of(made_of).at_sequence(sequence))
    }

    /// The tokens of a person's casks, newest cask first
    ///
    /// One's own; somebody else's are for who keeps casks for others.
    #[oai(path = "/nfts/user/:userId", method = "get", operation_id = "nfts_of_user")]
    async fn nfts_of_user(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A user's id, or `me`.
        #[oai(name = "userId")]
        user_id: Path<String>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Nft>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let owner = owner_named(&user_id.0, &actor)?;
        let page = page(number.0, limit.0)?;
        if actor.user() != Some(owner) {
            must_be_allowed(&actor, Permission::KEEP_WHISKEY)?;
            let there = self.readers.user(actor.tenant(), owner).await?;
            there.ok_or_else(|| Problem::new(ErrorCode::UserNotFound))?;
        }
        caught_up(&self.readers, nfts::Nfts::NAME, min_position.0).await?;
        let found = self.readers.nfts_of(actor.tenant(), owner, page).await?;
        let shown = found.items.into_iter().map(Nft::from).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }

    /// A token's ERC-721 metadata, byte for byte what its digest on the chain commits to
    #[oai(path = "/nfts/:tokenId/metadata", method = "get", operation_id = "nft_metadata")]
    async fn nft_metadata(
        &self,
        #[oai(name = "tokenId")] token_id: Path<String>,
    ) -> Result<Metadata, Problem> {
        let document = self.readers.nft_document(whiskey_id(&token_id.0)?).await?;
        document.map(Metadata).ok_or_else(|| Problem::new(ErrorCode::NftNotFound))
    }
}

/// The stored bytes, without an envelope: wallets read it, and it must hash to its digest.
struct Metadata(String);

impl IntoResponse for Metadata {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type("application/json")
            .header("Cache-Control", "public, max-age=300")
            .body(self.0)
    }
}

impl ApiResponse for Metadata {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The ERC-721 metadata document.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "application/json",
                    schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("object"))),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(_: &mut Registry) {}
}
