//! What verifiers of our tokens need, at the places where they look for it.

use std::sync::Arc;

use commands::outside::key_ring::PublicKey;
use commands::outside::tokens::Tokens;
use eventstore::Clock;
use poem::http::{HeaderValue, header};
use poem::web::Data;
use poem::{IntoResponse, Response, handler};
use serde_json::{Value, json};

/// What is published about tokens.
#[derive(Clone)]
pub struct Published {
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
}

/// Keys are published a day before they sign, so an hour in a cache does no harm.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600");

fn public(document: Value) -> Response {
    let mut response = poem::web::Json(document).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, CACHED);
    response
}

/// The signing keys: RFC 7517.
#[handler]
pub fn keys(published: Data<&Published>) -> Response {
    let key = |key: PublicKey| {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256",
            "kid": key.id, "n": key.modulus, "e": key.exponent,
        })
    };
    let keys = published.tokens.keys();
    let keys: Vec<_> = keys.published(published.clock.now()).map(key).collect();
    public(json!({ "keys": keys }))
}

/// OpenID discovery, as far as it is true: tokens can be verified; nobody can be sent here yet.
#[handler]
pub fn discovery(published: Data<&Published>) -> Response {
    let issuer = published.tokens.issuer();
    public(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": [
            "iss", "aud", "sub", "email", "tenantId", "sid", "deviceId", "roles", "permissions",
            "iat", "exp", "jti"
        ],
    }))
}
