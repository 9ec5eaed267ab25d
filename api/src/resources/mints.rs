//! Mints in trouble: asked for again by their owner; held, released, given up and asked for by
//! operators.

use commands::nft::{Generation, GivenUp};
use commands::{Commands, Done};
use domain::id::WhiskeyId;
use domain::nft::address::Recipient;
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::whiskeys::whiskey_id;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Accepted, Found};
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::problem::Problem;
use crate::http::values::Text;

pub struct Mints {
    pub commands: Commands,
}

/// A cask whose token is to be minted to a wallet.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct MintBody {
    whiskey_id: Needed<WhiskeyId>,
    /// The network by name; the configured one if left out.
    network: Parsed<Text<50>>,
    /// Who is to hold the token.
    recipient: Needed<Recipient>,
}

impl Checked for MintBody {
    type Value = Generation;

    fn check(self, violations: &mut Violations) -> Option<Generation> {
        let whiskey = violations.required("whiskeyId", self.whiskey_id);
        let network = violations.optional("network", self.network);
        let recipient = violations.required("recipient", self.recipient);
        Some(Generation {
            whiskey: whiskey?,
            network: network?.map(|text| text.0),
            recipient: Some(recipient?.0),
        })
    }
}

/// Why a mint, or a network, stands still.
#[derive(Object)]
pub(super) struct StandstillBody {
    reason: Needed<Text<500>>,
}

impl Checked for StandstillBody {
    type Value = String;

    fn check(self, violations: &mut Violations) -> Option<String> {
        violations.required("reason", self.reason).map(|text| text.0)
    }
}

/// Where a mint stands after a command: REQUESTED, HELD, RELEASED, CANCELLING (the chain decides; what
/// was signed before may be faster) or FAILED.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Mint {
    token_id: String,
    status: String,
}

fn mint(id: WhiskeyId, status: &str) -> Mint {
    Mint { token_id: id.to_string(), status: status.to_owned() }
}

fn requested(done: &Done<WhiskeyId>) -> Accepted<Mint> {
    let location = format!("/api/v1/nfts/{}", done.answer);
    Accepted::new(mint(done.answer, "REQUESTED")).at(location).done(done)
}

fn headers(key: Header<Option<String>>) -> Headers {
    Headers { idempotency_key: key.0, if_match: None }
}

#[OpenApi(tag = "Tag::Nfts")]
impl Mints {
    /// Ask again for a mint that failed
    ///
    /// The same order, for the cask's owner and for operators.
    #[oai(path = "/nfts/:tokenId/retry", method = "post", operation_id = "retry_mint")]
    async fn retry_mint(
        &self,
        caller: Caller,
        #[oai(name = "tokenId")] token_id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Accepted<Mint>, Problem> {
        let id = whiskey_id(&token_id.0)?;
        let asked = asking::asked(caller.0, headers(key), format!("retry {id}").into_bytes())?;
        Ok(requested(&self.commands.retry_mint(&asked, id).await?))
    }

    /// Hold a mint back
    ///
    /// It gets no nonce and offers no more for one it has; what is signed is followed.
    #[oai(path = "/nfts/:tokenId/hold", method = "post", operation_id = "hold_mint")]
    async fn hold_mint(
        &self,
        caller: Caller,
        #[oai(name = "tokenId")] token_id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<StandstillBody>,
    ) -> Result<Found<Mint>, Problem> {
        let id = whiskey_id(&token_id.0)?;
        let asked = asking::asked(caller.0, headers(key), body.digest)?;
        let done = self.commands.hold_mint(&asked, id, body.value).await?;
        Ok(Found::new(mint(id, "HELD")).done(&done))
    }

    /// Let a mint go on
    ///
    /// Whatever it was held for. What is still so holds it again.
    #[oai(path = "/nfts/:tokenId/release", method = "post", operation_id = "release_mint")]
    async fn release_mint(
        &self,
        caller: Caller,
        #[oai(name = "tokenId")] token_id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Found<Mint>, Problem> {
        let id = whiskey_id(&token_id.0)?;
        let asked = asking::asked(caller.0, headers(key), format!("release {id}").into_bytes())?;
        let done = self.commands.release_mint(&asked, id).await?;
        Ok(Found::new(mint(id, "RELEASED")).done(&done))
    }

    /// Give a mint up
    ///
    /// At once while it has no nonce: FAILED. Later the nonce is spent on nothing: CANCELLING, until a
    /// final block says which transaction was faster.
    #[oai(path = "/nfts/:tokenId/cancel", method = "post", operation_id = "cancel_mint")]
    async fn cancel_mint(
        &self,
        caller: Caller,
        #[oai(name = "tokenId")] token_id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Accepted<Mint>, Problem> {
        let id = whiskey_id(&token_id.0)?;
        let asked = asking::asked(caller.0, headers(key), format!("cancel {id}").into_bytes())?;
        let done = self.commands.cancel_mint(&asked, id).await?;
        let status = match done.answer {
            GivenUp::AtOnce => "FAILED",
            GivenUp::Asked => "CANCELLING",
        };
        Ok(Accepted::new(mint(id, status)).at(format!("/api/v1/nfts/{id}")).done(&done))
    }

    /// Have a cask's token minted to a wallet, for the cask's owner
    #[oai(path = "/blockchain/mint-nft", method = "post", operation_id = "mint_nft")]
    async fn mint_nft(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<MintBody>,
    ) -> Result<Accepted<Mint>, Problem> {
        let asked = asking::asked(caller.0, headers(key), body.digest)?;
        Ok(requested(&self.commands.mint_nft(&asked, &body.value).await?))
    }
}
