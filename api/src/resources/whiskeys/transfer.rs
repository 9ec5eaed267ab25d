//! A cask changes hands: offered, withdrawn, accepted; and the title follows the token.

use commands::{Commands, Done};
use domain::id::{UserId, WhiskeyId};
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use super::whiskey_id;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::field::{Needed, Violations};
use crate::http::problem::Problem;
use crate::resources::Tag;

pub struct Transfers {
    pub commands: Commands,
}

#[derive(Object)]
struct OfferBody {
    /// Who may have it: a user's id.
    to: Needed<UserId>,
}

impl Checked for OfferBody {
    type Value = UserId;

    fn check(self, violations: &mut Violations) -> Option<UserId> {
        violations.required("to", self.to)
    }
}

/// How the offer stands: OFFERED, WITHDRAWN, ACCEPTED.
#[derive(Object)]
struct Transfer {
    id: String,
    status: String,
}

fn transfer(done: &Done<WhiskeyId>, status: &str) -> Found<Transfer> {
    let answer = Transfer { id: done.answer.to_string(), status: status.to_owned() };
    Found::new(answer).done(done)
}

/// Whose the cask is.
#[derive(Object)]
struct Title {
    id: String,
    /// The token's holder.
    owner: String,
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Transfers {
    /// Let the title follow the token
    ///
    /// A token transfer is no transfer of title: the warehouse's record is what counts. The cask becomes
    /// theirs who have shown, by `verify-ownership`, the key of the address that holds the token; 409 if
    /// nobody has.
    #[oai(path = "/whiskeys/:id/settle-title", method = "post", operation_id = "settle_title")]
    async fn settle_title(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Found<Title>, Problem> {
        let id = whiskey_id(&id.0)?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, format!("settle title {id}").into_bytes())?;
        let done = self.commands.settle_title(&asked, id).await?;
        let title = Title { id: id.to_string(), owner: done.answer.to_string() };
        Ok(Found::new(title).done(&done))
    }

    /// Offer a cask of mine to somebody
    ///
    /// Another offer takes the place of the one before.
    #[oai(path = "/whiskeys/:id/transfer", method = "post", operation_id = "offer_transfer")]
    async fn offer_transfer(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<OfferBody>,
    ) -> Result<Found<Transfer>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let id = whiskey_id(&id.0)?;
        Ok(transfer(&self.commands.offer_transfer(&asked, id, body.value).await?, "OFFERED"))
    }

    /// Take an offer back
    #[oai(path = "/whiskeys/:id/transfer", method = "delete", operation_id = "withdraw_transfer")]
    async fn withdraw_transfer(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Found<Transfer>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, Vec::new())?;
        let id = whiskey_id(&id.0)?;
        Ok(transfer(&self.commands.withdraw_transfer(&asked, id).await?, "WITHDRAWN"))
    }

    /// Accept a cask that is offered to me
    #[oai(
        path = "/whiskeys/:id/transfer/accept",
        method = "post",
        operation_id = "accept_transfer"
    )]
    async fn accept_transfer(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Found<Transfer>, Problem> {
        let id = whiskey_id(&id.0)?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, format!("accept {id}").into_bytes())?;
        Ok(transfer(&self.commands.accept_transfer(&asked, id).await?, "ACCEPTED"))
    }
}
