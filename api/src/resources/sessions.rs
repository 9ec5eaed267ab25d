//! A person's own sessions.

use eventstore::Clock;
use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use projections::sessions::SessionRow;
use projections::{Projection, Readers, sessions};

use super::{Tag, written};
use crate::http::authentication::Caller;
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::caught_up;

pub struct Sessions {
    pub readers: Readers,
    pub clock: Clock,
}

/// A sign-in that has not expired.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Session {
    id: String,
    address: Option<String>,
    user_agent: Option<String>,
    remember_me: bool,
    opened_at: String,
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
            expires_at: written(row.expires_at),
            current: current == Some(row.session_id),
        };
        Ok(Found::new(rows.into_iter().map(shown).collect()))
    }
}
