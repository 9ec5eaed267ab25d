//! Who asks: a person with an access token.

use std::sync::Arc;

use commands::outside::tokens::{Disbelief, Tokens};
use domain::permission::Actor;
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use super::error_code::ErrorCode;
use super::problem::Problem;

/// An access token of `POST /auth/login`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", key_name = "accessToken", checker = "believe")]
pub struct Caller(pub Actor);

async fn believe(request: &Request, bearer: Bearer) -> poem::Result<Actor> {
    let tokens = request
        .data::<Arc<Tokens>>()
        .ok_or_else(|| Problem::internal(&"no token checker is wired"))?;
    tokens.check(&bearer.token).map_err(|disbelief| {
        Problem::new(match disbelief {
            Disbelief::Malformed => ErrorCode::TokenInvalid,
            Disbelief::Expired => ErrorCode::TokenExpired,
        })
        .into()
    })
}
