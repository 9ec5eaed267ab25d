//! For services of the platform, on a listener of their own: tokens, sessions, and their end.

use commands::Commands;
use commands::session::Which;
use domain::id::{SessionId, TenantId, UserId};
use domain::permission::Actor;
use domain::session::EndReason;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::tokens::{Payload, SignedOut, TokenBody};
use crate::http::asking::{self, Headers};
use crate::http::authentication::Believer;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::http::values::{List, Token};

pub struct Internal {
    pub commands: Commands,
    pub believer: Believer,
}

#[derive(Object)]
struct TokensBody {
    /// At most 1000.
    tokens: Needed<List<Token, 1000>>,
}

impl Checked for TokensBody {
    type Value = Vec<SecretString>;

    fn check(self, violations: &mut Violations) -> Option<Vec<SecretString>> {
        let tokens = violations.required("tokens", self.tokens)?;
        Some(tokens.0.into_iter().map(|token| token.0).collect())
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RevokeBody {
    user_id: Needed<UserId>,
    /// The user's tenant; the platform's own if left out.
    tenant: Parsed<TenantId>,
}

impl Checked for RevokeBody {
    type Value = (UserId, TenantId);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let user = violations.required("userId", self.user_id);
        let tenant = violations.optional("tenant", self.tenant);
        Some((user?, tenant?.unwrap_or(TenantId::PLATFORM)))
    }
}

/// What a token is worth. A token that is not believed is an answer here, not an error.
#[derive(Object)]
struct Judged {
    valid: bool,
    /// Why it is not believed: malformed, unknown_key, expired, revoked.
    reason: Option<String>,
    payload: Option<Payload>,
}

/// A session, as the log has it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Session {
    id: String,
    user_id: String,
    /// Tokens of it are believed.
    active: bool,
}

#[OpenApi(prefix_path = "/internal")]
impl Internal {
    /// What an access token is worth
    #[oai(path = "/auth/verify-token", method = "post", operation_id = "judge_token")]
    async fn judge_token(
        &self,
        _service: Service,
        body: Body<TokenBody>,
    ) -> Result<Found<Judged>, Problem> {
        Ok(Found::new(self.judge(&body.value).await?))
    }

    /// What up to a thousand access tokens are worth, in their order
    #[oai(path = "/auth/verify-tokens-batch", method = "post", operation_id = "judge_tokens")]
    async fn judge_tokens(
        &self,
        _service: Service,
        body: Body<TokensBody>,
    ) -> Result<Found<Vec<Judged>>, Problem> {
        let mut judged = Vec::with_capacity(body.value.len());
        for token in &body.value {
            judged.push(self.judge(token).await?);
        }
        Ok(Found::new(judged))
    }

    /// A session
    #[oai(path = "/auth/sessions/:id", method = "get", operation_id = "look_at_session")]
    async fn look_at_session(
        &self,
        _service: Service,
        id: Path<String>,
        /// The session's tenant; the platform's own if left out.
        tenant: Query<Option<String>>,
    ) -> Result<Found<Session>, Problem> {
        let unknown = || Problem::new(ErrorCode::SessionNotFound);
        let session: SessionId = id.0.parse().map_err(|_| unknown())?;
        let tenant = match tenant.0 {
            Some(text) => text.parse().map_err(|_| unknown())?,
            None => TenantId::PLATFORM,
        };
        let state = self.commands.session(tenant, session).await?;
        let user = state.user().ok_or_else(unknown)?;
        let active = state.must_be_open(self.believer.clock.now()).is_ok();
        Ok(Found::new(Session { id: session.to_string(), user_id: user.to_string(), active }))
    }

    /// End all sessions of a user
    #[oai(
        path = "/auth/revoke-user-sessions",
        method = "post",
        operation_id = "revoke_user_sessions"
    )]
    async fn revoke_user_sessions(
        &self,
        _service: Service,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RevokeBody>,
    ) -> Result<Found<SignedOut>, Problem> {
        let (user, tenant) = body.value;
        let actor = Actor::System { tenant, name: "service" };
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(actor, headers, body.digest)?;
        let done =
            self.commands.end_sessions_of(&asked, user, Which::All, EndReason::Revoked).await?;
        Ok(Found::new(SignedOut::of(done.answer.sessions)).done(&done))
    }
}

impl Internal {
    async fn judge(&self, token: &SecretString) -> Result<Judged, Problem> {
        match self.believer.judge(token.expose_secret()).await? {
            Ok(claims) => {
                let payload = Some(Payload::from(claims));
                Ok(Judged { valid: true, reason: None, payload })
            }
            Err(doubt) => {
                let reason = Some(doubt.reason().to_owned());
                Ok(Judged { valid: false, reason, payload: None })
            }
        }
    }
}
