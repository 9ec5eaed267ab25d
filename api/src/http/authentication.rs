//! Who asks: a person with an access token.

use std::sync::Arc;

use commands::outside::tokens::{Claims, Disbelief, Tokens};
use domain::permission::{Actor, Permission};
use eventstore::Clock;
use poem::http::header;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use projections::Revocations;
use serde_json::json;

use super::error_code::ErrorCode;
use super::problem::Problem;

/// An access token of `POST /auth/login`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", key_name = "accessToken", checker = "believe")]
pub struct Caller(pub Actor);

/// Whoever asks, with a token or without one. A token that is not believed is refused.
pub struct Visitor(pub Option<Actor>);

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let Some(header) = request.header(header::AUTHORIZATION) else {
            return Ok(Self(None));
        };
        let token = header.strip_prefix("Bearer ");
        let token = token.ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        Ok(Self(Some(believed(request, token).await?)))
    }
}

/// Judges access tokens: ours, not too old, of a session that has not been ended.
#[derive(Clone)]
pub struct Believer {
    pub tokens: Arc<Tokens>,
    pub revocations: Revocations,
    pub clock: Clock,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    Token(Disbelief),
    /// Its session was ended.
    Revoked,
}

impl Doubt {
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Token(Disbelief::Malformed) => "malformed",
            Self::Token(Disbelief::UnknownKey) => "unknown_key",
            Self::Token(Disbelief::Expired) => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl From<Doubt> for Problem {
    fn from(doubt: Doubt) -> Self {
        let code = match doubt {
            Doubt::Token(Disbelief::Malformed | Disbelief::UnknownKey) => ErrorCode::TokenInvalid,
            Doubt::Token(Disbelief::Expired) => ErrorCode::TokenExpired,
            Doubt::Revoked => ErrorCode::TokenRevoked,
        };
        Self::new(code).with_details(json!({ "reason": doubt.reason() }))
    }
}

impl Believer {
    /// What the token says, or why it is not believed. A problem only if nobody can tell.
    pub async fn judge(&self, token: &str) -> Result<Result<Claims, Doubt>, Problem> {
        let claims = match self.tokens.check(token, self.clock.now()) {
            Ok(claims) => claims,
            Err(disbelief) => return Ok(Err(Doubt::Token(disbelief))),
        };
        match self.revocations.contain(claims.sid).await {
            Ok(false) => Ok(Ok(claims)),
            Ok(true) => Ok(Err(Doubt::Revoked)),
            // Neither memory nor log can say: nobody is let in on hope.
            Err(_) => Err(Problem::new(ErrorCode::DatabaseUnavailable)),
        }
    }

    /// What the token says, for whoever wants nothing but a token that is believed.
    pub async fn claims(&self, token: &str) -> Result<Claims, Problem> {
        self.judge(token).await?.map_err(Problem::from)
    }
}

async fn believe(request: &Request, bearer: Bearer) -> poem::Result<Actor> {
    Ok(believed(request, &bearer.token).await?)
}

async fn believed(request: &Request, token: &str) -> Result<Actor, Problem> {
    let believer = request
        .data::<Believer>()
        .ok_or_else(|| Problem::internal(&"no token checker is wired"))?;
    Ok(believer.claims(token).await?.actor())
}

/// Refuses who may not read what needs a permission. Commands ask for themselves.
pub fn must_be_allowed(actor: &Actor, permission: Permission) -> Result<(), Problem> {
    if actor.may(permission) {
        Ok(())
    } else {
        Err(commands::CommandError::Forbidden(permission).into())
    }
}
