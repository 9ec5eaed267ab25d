//! Access tokens: JWT, RS256, short-lived. The key is made by the platform and kept among its
//! secrets.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use domain::id::{SessionId, TenantId, UserId};
use domain::moment::Moment;
use domain::permission::{Actor, Permission};
use domain::role::Role;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::session::SignedIn;

pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// Tokens are compared with a clock that may be this far off.
const LEEWAY_S: u64 = 5;
/// Longer than any token of ours; longer ones are not looked at.
const MAX_LENGTH: usize = 8 * 1024;
const TYPE: &str = "at+jwt";

#[derive(Debug, Error)]
pub enum TokenError {
    #[error("the signing key cannot be used: {0}")]
    Key(String),
    #[error("the token could not be signed: {0}")]
    Unsigned(String),
}

/// Why a token was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disbelief {
    Malformed,
    Expired,
}

/// Signs and checks access tokens.
pub struct Tokens {
    issuer: String,
    signing: EncodingKey,
    checking: DecodingKey,
    key_id: String,
    validation: Validation,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    tenant_id: TenantId,
    sid: SessionId,
    roles: Vec<Role>,
    permissions: Vec<String>,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Makes a signing key: PKCS#8, RSA 2048.
pub fn make_signing_key() -> Option<Vec<u8>> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
    Some(der.as_ref().to_vec())
}

impl Tokens {
    pub fn new(issuer: &str, pkcs8: &[u8]) -> Result<Self, TokenError> {
        let pair =
            KeyPair::from_pkcs8(pkcs8).map_err(|error| TokenError::Key(error.to_string()))?;
        let public = pair.public_key();
        let key_id = hex::encode(digest(&SHA256, public.as_ref()));
        // jsonwebtoken wants the RSA key itself, not its PKCS#8 wrapping.
        let signing = EncodingKey::from_rsa_pem(pem(pkcs8).as_bytes())
            .map_err(|error| TokenError::Key(error.to_string()))?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY_S;
        Ok(Self {
            issuer: issuer.to_owned(),
            signing,
            checking: DecodingKey::from_rsa_der(public.as_ref()),
            key_id: key_id[..16].to_owned(),
            validation,
        })
    }

    /// A token for a session.
    pub fn issue(
        &self,
        tenant: TenantId,
        signed_in: &SignedIn,
        token_id: String,
        now: Moment,
    ) -> Result<String, TokenError> {
        let permissions: BTreeSet<Permission> =
            signed_in.roles.iter().flat_map(|role| role.grants()).copied().collect();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: signed_in.user,
            tenant_id: tenant,
            sid: signed_in.session,
            roles: signed_in.roles.clone(),
            permissions: permissions.into_iter().map(|p| p.code().to_owned()).collect(),
            iat: now.unix_s(),
            exp: now.plus(ACCESS_TOKEN_LIFE).unix_s(),
            jti: token_id,
        };
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing)
            .map_err(|error| TokenError::Unsigned(error.to_string()))
    }

    /// Who the token speaks for.
    pub fn check(&self, token: &str) -> Result<Actor, Disbelief> {
        if token.len() > MAX_LENGTH {
            return Err(Disbelief::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Disbelief::Malformed)?;
        let ours = header.alg == Algorithm::RS256
            && header.typ.as_deref() == Some(TYPE)
            && header.kid.as_deref() == Some(self.key_id.as_str())
            && header.jku.is_none()
            && header.jwk.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none();
        if !ours {
            return Err(Disbelief::Malformed);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => Disbelief::Expired,
                _ => Disbelief::Malformed,
            })?
            .claims;
        Ok(Actor::User {
            tenant: claims.tenant_id,
            user: claims.sub,
            session: claims.sid,
            permissions: claims.permissions.iter().filter_map(|p| Permission::named(p)).collect(),
        })
    }
}

fn pem(pkcs8: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

#[cfg(test)]
mod tests {
    use eventstore::Clock;

    use super::*;

    fn signed_in() -> SignedIn {
        SignedIn { user: UserId::new(7), session: SessionId::new(8), roles: vec![Role::Member] }
    }

    #[test]
    fn a_token_speaks_for_its_session_until_it_expires() {
        let key = make_signing_key().unwrap();
        let tokens = Tokens::new("https://casks.example", &key).unwrap();
        let now = Clock::system().now();
        let token = tokens.issue(TenantId::PLATFORM, &signed_in(), "1".into(), now).unwrap();
        let actor = tokens.check(&token).unwrap();
        assert_eq!(actor.user(), Some(UserId::new(7)));
        assert_eq!(actor.session(), Some(SessionId::new(8)));
        assert!(actor.may(Permission::REGISTER_WHISKEY) && !actor.may(Permission::APPROVE_WHISKEY));

        let past = Moment::from_unix_ms(now.unix_ms() - 3_600_000);
        let old = tokens.issue(TenantId::PLATFORM, &signed_in(), "1".into(), past).unwrap();
        assert_eq!(tokens.check(&old), Err(Disbelief::Expired));
    }

    #[test]
    fn forgeries_are_not_believed() {
        let tokens = Tokens::new("https://casks.example", &make_signing_key().unwrap()).unwrap();
        let strangers = Tokens::new("https://casks.example", &make_signing_key().unwrap()).unwrap();
        let now = Clock::system().now();
        let token = tokens.issue(TenantId::PLATFORM, &signed_in(), "1".into(), now).unwrap();
        let strange = strangers.issue(TenantId::PLATFORM, &signed_in(), "1".into(), now).unwrap();
        let (head, rest) = token.split_once('.').unwrap();
        let (body, _) = rest.split_once('.').unwrap();
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}.");
        let long = "a".repeat(1_000_000);
        for bad in ["", "a.b.c", &strange, &none, &format!("{head}.{body}."), &long] {
            assert_eq!(tokens.check(bad), Err(Disbelief::Malformed));
        }
    }
}
