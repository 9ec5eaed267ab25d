//! A person's own sessions.

use commands::Commands;
use commands::session::Which;
use domain::id::SessionId;
use domain::permission::Actor;
use eventstore::Clock;
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};
use projections::sessions::SessionRow;
use projections::{Projection, Readers, sessions};

use super::tokens::SignedOut;
use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::caught_up;

pub struct Sessions {
    pub commands: Commands,
    pub readers: Readers,
    pub clock: Clock,
}

/// A sign-in that is not over.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Session {
    id: String,
    address: Option<String>,
    user_agent: Option<String>,
    remember_me: bool,
    opened_at: String,
    /// When tokens were last asked for.
    used_at: String,
    expires_at: String,
    /// The session this request was made in.
    current: bool,
}

#[OpenApi(tag = "Tag::Auth")]
impl Sessions {
    /// My sessions, newest first
    #[oai(path = "/auth/sessions", method = "get", operation_id = "sessions")]
    async fn sessions(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<Vec<Session>>, Problem> {
        caught_up(&self.readers, sessions::Sessions::NAME, min_position.0).await?;
        let actor = caller.0;
        let user = actor.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let rows = self.readers.sessions_of(actor.tenant(), user, self.clock.now()).await?;
        let current = actor.session().map(|session| session.value());
        let shown = |row: SessionRow| Session {
            id: row.session_id.to_string(),
            address: row.address,
            user_agent: row.user_agent,
            remember_me: row.remember_me,
            opened_at: written(row.opened_at),
            used_at: written(row.used_at),
            expires_at: written(row.expires_at),
            current: current == Some(row.session_id),
        };
        Ok(Found::new(rows.into_iter().map(shown).collect()))
    }
    /// End all of my sessions
    #[oai(path = "/auth/sessions/all", method = "delete", operation_id = "end_all_sessions")]
    async fn end_all_sessions(&self, caller: Caller) -> Result<Found<SignedOut>, Problem> {
        self.end(caller.0, Which::All).await
    }

    /// End one of my sessions
    #[oai(path = "/auth/sessions/:id", method = "delete", operation_id = "end_session")]
    async fn end_session(
        &self,
        caller: Caller,
        id: Path<String>,
    ) -> Result<Found<SignedOut>, Problem> {
        // What is no id is no session either.
        let session: SessionId =
            id.0.parse().map_err(|_| Problem::new(ErrorCode::SessionNotFound))?;
        self.end(caller.0, Which::One(session)).await
    }
}

impl Sessions {
    async fn end(&self, actor: Actor, which: Which) -> Result<Found<SignedOut>, Problem> {
        let asked = asking::asked(actor, Headers::default(), Vec::new())?;
        let done = self.commands.sign_out(&asked, which).await?;
        Ok(Found::new(SignedOut::of(done.answer.sessions)).done(&done))
    }
}
