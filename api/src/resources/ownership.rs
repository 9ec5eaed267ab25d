//! Showing that one holds a token, by a signature of the wallet that has it.

use commands::Commands;
use commands::nft::ownership::{Ownership, OwnershipAnswer};
use domain::nft::address::EvmAddress;
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::whiskeys::whiskey_id;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::field::{Needed, Violations};
use crate::http::limits::Sensitive;
use crate::http::problem::Problem;
use crate::http::values::{HexBytes, Lines};

pub struct Owning {
    pub commands: Commands,
}

/// The wallet that is to sign.
#[derive(Object)]
struct OwnershipChallengeBody {
    address: Needed<EvmAddress>,
}

impl Checked for OwnershipChallengeBody {
    type Value = EvmAddress;

    fn check(self, violations: &mut Violations) -> Option<EvmAddress> {
        violations.required("address", self.address)
    }
}

/// A message as EIP-4361 has it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct OwnershipChallenge {
    /// What the wallet signs (EIP-191), byte for byte.
    message: String,
    /// Five minutes after it was asked for.
    expires_at: String,
}

/// The message that was asked for, and what the wallet made of it.
#[derive(Object)]
struct VerifyOwnershipBody {
    message: Needed<Lines<2000>>,
    /// 65 bytes of a key's, or what a wallet that is a contract takes (EIP-1271).
    signature: Needed<HexBytes<4096>>,
}

impl Checked for VerifyOwnershipBody {
    type Value = OwnershipAnswer;

    fn check(self, violations: &mut Violations) -> Option<OwnershipAnswer> {
        let message = violations.required("message", self.message);
        let signature = violations.required("signature", self.signature);
        Some(OwnershipAnswer { message: message?.0, signature: signature?.0 })
    }
}

/// The wallet held the token in this final block. A block later it need not.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct VerifiedOwnership {
    token_id: String,
    verified: bool,
    /// Who holds the token in that block.
    owner: String,
    /// The wallet that signed.
    address: String,
    block_number: u64,
    block_hash: String,
    /// In the newest block, which may still go away, somebody else has it.
    pending_transfer: bool,
}

impl From<Ownership> for VerifiedOwnership {
    fn from(proven: Ownership) -> Self {
        Self {
            token_id: proven.token.to_string(),
            verified: true,
            owner: proven.owner,
            address: proven.wallet,
            block_number: proven.block_number,
            block_hash: proven.block_hash,
            pending_transfer: proven.pending_transfer,
        }
    }
}

#[OpenApi(tag = "Tag::Nfts")]
impl Owning {
    /// Ask for what a wallet is to sign, to show that it holds a token
    ///
    /// The message is for who asked, good for five minutes and for one answer.
    #[oai(
        path = "/nfts/:tokenId/ownership-challenge",
        method = "post",
        operation_id = "ask_ownership"
    )]
    async fn ask_ownership(
        &self,
        _limit: Sensitive,
        caller: Caller,
        #[oai(name = "tokenId")] token_id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<OwnershipChallengeBody>,
    ) -> Result<Found<OwnershipChallenge>, Problem> {
        let token = whiskey_id(&token_id.0)?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.ask_ownership(&asked, token, body.value).await?;
        let challenge = OwnershipChallenge {
            message: done.answer.message,
            expires_at: done.answer.expires_at.to_string(),
        };
        Ok(Found::new(challenge).replayed(done.repeated))
    }

    /// Show that a wallet holds a token
    ///
    /// Whatever is wrong, the answer is 403 OWNERSHIP_NOT_PROVEN and says no more. Where the token was
    /// transferred in the newest block, which may still go away, `pendingTransfer` is true.
    #[oai(path = "/nfts/verify-ownership", method = "post", operation_id = "verify_ownership")]
    async fn verify_ownership(
        &self,
        limit: Sensitive,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<VerifyOwnershipBody>,
    ) -> Result<Found<VerifiedOwnership>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let proven = self.commands.prove_ownership(&asked, &body.value).await;
        let done = limit.judged(proven).await?;
        Ok(Found::new(done.answer.clone().into()).done(&done))
    }
}
