//! Casks: register, look up, judge.

pub mod attachments;
pub mod catalogue;
mod cursor;
pub(super) mod filters;
pub mod history;
pub mod provenance;
pub mod records;
pub(crate) mod registration;
mod shown;
pub mod transfer;

use commands::{Commands, Done};
use domain::id::WhiskeyId;
use domain::permission::Permission;
use eventstore::ledger::read::Ledger;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::{Past, Projection, Readers, nfts, whiskeys};

use self::registration::RegisterWhiskeyBody;
use self::shown::Whiskey;
use super::Tag;
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Violations};
use crate::http::past::{rebuilt, shown};
use crate::http::problem::Problem;
use crate::http::reading::caught_up;
use crate::http::values::Text;

pub struct Whiskeys {
    pub commands: Commands,
    pub readers: Readers,
    pub past: Past,
    pub ledger: Ledger,
}

#[derive(Object)]
struct RejectBody {
    reason: Needed<Text<1000>>,
}

impl Checked for RejectBody {
    type Value = String;

    fn check(self, violations: &mut Violations) -> Option<String> {
        violations.required("reason", self.reason).map(|reason| reason.0)
    }
}

/// The id of what a command changed.
#[derive(Object)]
struct Changed {
    id: String,
    status: String,
}

/// The cask is as it should have been registered.
#[derive(Object)]
struct Corrected {
    id: String,
}

fn changed(done: &Done<WhiskeyId>, status: &str) -> Changed {
    Changed { id: done.answer.to_string(), status: status.to_owned() }
}

pub(super) fn whiskey_id(text: &str) -> Result<WhiskeyId, Problem> {
    text.parse().map_err(|violation| Problem::invalid_field("id", violation))
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Whiskeys {
    /// One cask
    #[oai(path = "/whiskeys/:id", method = "get", operation_id = "whiskey")]
    async fn whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A position of the log or an RFC 3339 time: the cask as it was then.
        #[oai(name = "asOf")]
        as_of: Query<Option<String>>,
    ) -> Result<Found<Whiskey>, Problem> {
        must_be_allowed(&caller.0, Permission::READ_WHISKEY)?;
        let id = whiskey_id(&id.0)?;
        for name in [whiskeys::Whiskeys::NAME, nfts::Nfts::NAME] {
            caught_up(&self.readers, name, min_position.0.clone()).await?;
        }
        let tenant = caller.0.tenant();
        let ((row, made_of), nft) = match as_of.0 {
            Some(then) => {
                let past =
                    rebuilt(&self.past, &then, |at| self.past.whiskey_beside(tenant, id, at));
                match past.await? {
                    Some((cask, nft)) => (shown(&self.ledger, Some(cask)).await?, nft),
                    None => ((None, None), None),
                }
            }
            None => {
                let row = self.readers.whiskey(tenant, id).await?;
                ((row, None), self.readers.nft(tenant, id).await?)
            }
        };
        let row = row.ok_or_else(|| Problem::new(ErrorCode::WhiskeyNotFound))?;
        let sequence = row.sequence;
        let shown = Whiskey::from(row).beside(nft);
        Ok(Found::new(shown).made_of(made_of).at_sequence(sequence))
    }

    /// Correct a cask of mine, as long as it is not approved
    ///
    /// All of it, as it should have been registered.
    #[oai(path = "/whiskeys/:id", method = "put", operation_id = "correct_whiskey")]
    async fn correct_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<RegisterWhiskeyBody>,
    ) -> Result<Found<Corrected>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.correct_whiskey(&asked, whiskey_id(&id.0)?, body.value).await?;
        Ok(Found::new(Corrected { id: done.answer.to_string() }).done(&done))
    }

    /// Ask for another judgement of a cask of mine that was rejected
    #[oai(path = "/whiskeys/:id/resubmit", method = "post", operation_id = "resubmit_whiskey")]
    async fn resubmit_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Found<Changed>, Problem> {
        let id = whiskey_id(&id.0)?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, format!("resubmit {id}").into_bytes())?;
        let done = self.commands.resubmit_whiskey(&asked, id).await?;
        Ok(Found::new(changed(&done, "PENDING")).done(&done))
    }

    /// Approve a cask that is somebody else's
    #[oai(path = "/whiskeys/:id/approve", method = "put", operation_id = "approve_whiskey")]
    async fn approve_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Found<Changed>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, Vec::new())?;
        let done = self.commands.approve_whiskey(&asked, whiskey_id(&id.0)?).await?;
        Ok(Found::new(changed(&done, "APPROVED")).done(&done))
    }

    /// Reject a cask that is somebody else's
    #[oai(path = "/whiskeys/:id/reject", method = "put", operation_id = "reject_whiskey")]
    async fn reject_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<RejectBody>,
    ) -> Result<Found<Changed>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.reject_whiskey(&asked, whiskey_id(&id.0)?, body.value).await?;
        Ok(Found::new(changed(&done, "REJECTED")).done(&done))
    }
}
