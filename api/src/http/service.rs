//! Which service asks: one of ours, by a token from configuration. Two are valid at a time, so that
//! one can be changed without a pause.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::ApiKey;
use secrecy::{ExposeSecret, SecretString};

use super::error_code::ErrorCode;
use super::problem::Problem;

/// A token of `internal.service_tokens`.
#[derive(SecurityScheme)]
#[oai(
    ty = "api_key",
    key_in = "header",
    key_name = "X-Service-Token",
    rename = "serviceToken",
    checker = "believe"
)]
pub struct Service(());

/// The tokens, as digests: equal lengths, so that comparing tells nothing.
#[derive(Clone)]
pub struct ServiceTokens(Arc<Vec<Vec<u8>>>);

impl ServiceTokens {
    pub fn new(tokens: &[SecretString]) -> Self {
        let digests = tokens.iter().map(|token| hashed(token.expose_secret()));
        Self(Arc::new(digests.collect()))
    }

    fn contain(&self, token: &str) -> bool {
        let shown = hashed(token);
        let mut found = false;
        for known in self.0.iter() {
            // All of them, whichever fits.
            found |= verify_slices_are_equal(known, &shown).is_ok();
        }
        found
    }
}

fn hashed(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

async fn believe(request: &Request, key: ApiKey) -> poem::Result<()> {
    Ok(judge(request, &key.key)?)
}

/// The same for endpoints whose shape is a standard's and not in the document's hands.
pub struct ServiceCaller(());

impl<'a> FromRequest<'a> for ServiceCaller {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        judge(request, request.header("X-Service-Token").unwrap_or_default())?;
        Ok(Self(()))
    }
}

fn judge(request: &Request, token: &str) -> Result<(), Problem> {
    let tokens = request
        .data::<ServiceTokens>()
        .ok_or_else(|| Problem::internal(&"no service tokens are wired"))?;
    if tokens.contain(token) { Ok(()) } else { Err(Problem::new(ErrorCode::Unauthorized)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_are_valid_at_a_time() {
        let tokens = ServiceTokens::new(&["old".into(), "new".into()]);
        assert!(tokens.contain("old") && tokens.contain("new"));
        assert!(!tokens.contain("") && !tokens.contain("ol") && !tokens.contain("newer"));
        assert!(!ServiceTokens::new(&[]).contain(""));
    }
}
