//! People, as administrators look after them.

use commands::Commands;
use domain::id::UserId;
use domain::user::Status;
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::users::Gone;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Violations};
use crate::http::problem::Problem;
use crate::http::values::UserStatus;

pub struct People {
    pub commands: Commands,
}

#[derive(Object)]
struct StatusBody {
    status: Needed<UserStatus>,
}

impl Checked for StatusBody {
    type Value = Status;

    fn check(self, violations: &mut Violations) -> Option<Status> {
        violations.required("status", self.status).map(|status| status.0)
    }
}

/// The account is in the status asked for.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct StatusChanged {
    status: String,
    ended_sessions: usize,
}

/// Whether the person is locked out.
#[derive(Object)]
struct Lock {
    locked: bool,
}

#[OpenApi(tag = "Tag::Users")]
impl People {
    /// Suspend a person, switch an account off, or let them in again
    ///
    /// Whoever may not come in any more is signed out at once.
    #[oai(path = "/users/:id/status", method = "put", operation_id = "change_user_status")]
    async fn change_user_status(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<StatusBody>,
    ) -> Result<Found<StatusChanged>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.change_user_status(&asked, user(&id.0)?, body.value).await?;
        let ended_sessions = done.answer.ended_sessions;
        let status = body.value.name().to_owned();
        Ok(Found::new(StatusChanged { status, ended_sessions }).done(&done))
    }

    /// Erase a person
    #[oai(path = "/users/:id", method = "delete", operation_id = "erase_user")]
    async fn erase_user(&self, caller: Caller, id: Path<String>) -> Result<Found<Gone>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let done = self.commands.erase_user(&asked, user(&id.0)?).await?;
        Ok(Found::new(Gone::of(done.answer.ended_sessions)).done(&done))
    }

    /// Lock a person out for half an hour
    #[oai(path = "/users/:id/lock", method = "put", operation_id = "lock_user")]
    async fn lock_user(&self, caller: Caller, id: Path<String>) -> Result<Found<Lock>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let done = self.commands.lock_user(&asked, user(&id.0)?).await?;
        Ok(Found::new(Lock { locked: true }).done(&done))
    }

    /// Let a person in again who was locked out
    #[oai(path = "/users/:id/lock", method = "delete", operation_id = "unlock_user")]
    async fn unlock_user(&self, caller: Caller, id: Path<String>) -> Result<Found<Lock>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let done = self.commands.unlock_user(&asked, user(&id.0)?).await?;
        Ok(Found::new(Lock { locked: false }).done(&done))
    }
}

/// What is no id is nobody's.
fn user(id: &str) -> Result<UserId, Problem> {
    id.parse().map_err(|_| Problem::new(ErrorCode::UserNotFound))
}
