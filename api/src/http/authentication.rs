//! Who asks: a person with an access token.

use std::sync::Arc;

use commands::outside::tokens::{Claims, Disbelief, Tokens};
use domain::permission::Actor;
use eventstore::Clock;
use poem::Request;
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

/// Judges access tokens: ours, not too old, of a session that has not been ended.
#[derive(Clone)]
pub struct Believer {
    pub tokens: Arc<Tokens>,
    pub revocations: Revocations,
    pub clock: Clock,
}

impl Believer {
    /// What the token says, or why it is not believed.
    pub async fn claims(&self, token: &str) -> Result<Claims, Problem> {
        let claims = self.tokens.check(token, self.clock.now()).map_err(|disbelief| {
            let (code, reason) = match disbelief {
                Disbelief::Malformed => (ErrorCode::TokenInvalid, "malformed"),
                Disbelief::UnknownKey => (ErrorCode::TokenInvalid, "unknown_key"),
                Disbelief::Expired => (ErrorCode::TokenExpired, "expired"),
            };
            Problem::new(code).with_details(json!({ "reason": reason }))
        })?;
        match self.revocations.contain(claims.sid).await {
            Ok(false) => Ok(claims),
            Ok(true) => {
                Err(Problem::new(ErrorCode::TokenRevoked)
                    .with_details(json!({ "reason": "revoked" })))
            }
            // Neither memory nor log can say: nobody is let in on hope.
            Err(_) => Err(Problem::new(ErrorCode::DatabaseUnavailable)),
        }
    }
}

async fn believe(request: &Request, bearer: Bearer) -> poem::Result<Actor> {
    let believer = request
        .data::<Believer>()
        .ok_or_else(|| Problem::internal(&"no token checker is wired"))?;
    Ok(believer.claims(&bearer.token).await?.actor())
}
