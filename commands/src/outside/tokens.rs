//! Access tokens: JWT (RFC 9068), RS256, short-lived.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{DeviceId, SessionId, TenantId, UserId};
use domain::moment::Moment;
use domain::permission::{Actor, Permission};
use domain::role::Role;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::key_ring::KeyRing;
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
    /// Well-formed, of a key nobody here knows.
    UnknownKey,
    Expired,
}

/// Signs and checks access tokens. The library would parse the private key again for each
/// signature, which takes longer than the signature: signing is done with the parsed key.
pub struct Tokens {
    issuer: String,
    validation: Validation,
    keys: RwLock<Arc<KeyRing>>,
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub tenant_id: TenantId,
    pub sid: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    pub roles: Vec<Role>,
    pub permissions: Vec<String>,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
}

/// The only header there is. Anything beside these (`jku`, `jwk`, `x5u`, `crit`, …) is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl Claims {
    /// Who the token speaks for.
    pub fn actor(&self) -> Actor {
        Actor::User {
            tenant: self.tenant_id,
            user: self.sub,
            session: self.sid,
            permissions: self.permissions.iter().filter_map(|p| Permission::named(p)).collect(),
        }
    }
}

impl Tokens {
    pub fn new(issuer: &str, keys: KeyRing) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY_S;
        let keys = RwLock::new(Arc::new(keys));
        Self { issuer: issuer.to_owned(), validation, keys }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn use_keys(&self, keys: KeyRing) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// A token for somebody who is signed in.
    pub fn issue(
        &self,
        signed_in: &SignedIn,
        token_id: String,
        now: Moment,
    ) -> Result<String, TokenError> {
        let permissions: BTreeSet<Permission> =
            signed_in.roles.iter().flat_map(|role| role.grants()).copied().collect();
        self.sign(
            &Claims {
                iss: self.issuer.clone(),
                aud: self.issuer.clone(),
                sub: signed_in.user,
                email: signed_in.email.clone(),
                tenant_id: signed_in.tenant,
                sid: signed_in.session,
                device_id: signed_in.device,
                roles: signed_in.roles.clone(),
                permissions: permissions.into_iter().map(|p| p.code().to_owned()).collect(),
                iat: now.unix_s(),
                exp: now.plus(ACCESS_TOKEN_LIFE).unix_s(),
                jti: token_id,
            },
            now,
        )
    }

    fn sign(&self, claims: &Claims, now: Moment) -> Result<String, TokenError> {
        let keys = self.keys();
        let key = keys.signing(now).ok_or_else(|| TokenError::Key("there is none".to_owned()))?;
        let header = Header { alg: "RS256".to_owned(), typ: TYPE.to_owned(), kid: key.id.clone() };
        let mut token = encoded(&header)? + "." + &encoded(claims)?;
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// What the token says, if it is one of ours and has not run out.
    pub fn check(&self, token: &str, now: Moment) -> Result<Claims, Disbelief> {
        if token.len() > MAX_LENGTH {
            return Err(Disbelief::Malformed);
        }
        let (header, _) = token.split_once('.').ok_or(Disbelief::Malformed)?;
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Disbelief::Malformed)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| Disbelief::Malformed)?;
        if header.alg != "RS256" || header.typ != TYPE {
            return Err(Disbelief::Malformed);
        }
        let keys = self.keys();
        let key = keys.believed_key(&header.kid, now).ok_or(Disbelief::UnknownKey)?;
        jsonwebtoken::decode::<Claims>(token, &key.checking, &self.validation)
            .map(|token| token.claims)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => Disbelief::Expired,
                _ => Disbelief::Malformed,
            })
    }
}

fn encoded(part: &impl Serialize) -> Result<String, TokenError> {
    let json = serde_json::to_vec(part).map_err(|error| TokenError::Unsigned(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use eventstore::Clock;
    use serde_json::{Value, json};

    use super::super::key_ring::{SigningKey, make_key};
    use super::*;

    const ISSUER: &str = "https://casks.example";

    fn signed_in() -> SignedIn {
        SignedIn {
            tenant: TenantId::PLATFORM,
            user: UserId::new(7),
            session: SessionId::new(8),
            device: Some(DeviceId::new(9)),
            generation: 0,
            ends_at: Moment::from_unix_ms(0),
            roles: vec![Role::Member],
            email: Some("moira@example.com".into()),
        }
    }

    fn tokens() -> Tokens {
        let key = SigningKey::new(Moment::from_unix_ms(0), &make_key().unwrap()).unwrap();
        Tokens::new(ISSUER, KeyRing::new(vec![key]))
    }

    fn now() -> Moment {
        Clock::system().now()
    }

    #[test]
    fn a_token_speaks_for_its_session_until_it_expires() {
        let tokens = tokens();
        let token = tokens.issue(&signed_in(), "1".into(), now()).unwrap();
        let actor = tokens.check(&token, now()).unwrap().actor();
        assert_eq!(actor.user(), Some(UserId::new(7)));
        assert_eq!(actor.session(), Some(SessionId::new(8)));
        assert!(actor.may(Permission::REGISTER_WHISKEY) && !actor.may(Permission::APPROVE_WHISKEY));

        let past = Moment::from_unix_ms(now().unix_ms() - 3_600_000);
        let old = tokens.issue(&signed_in(), "1".into(), past).unwrap();
        assert_eq!(tokens.check(&old, now()).unwrap_err(), Disbelief::Expired);
    }

    /// A token of our own key with one thing changed.
    fn tampered(tokens: &Tokens, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let token = tokens.issue(&signed_in(), "1".into(), now()).unwrap();
        let part = |index: usize| -> Value {
            let part = token.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let (mut header, mut claims) = (part(0), part(1));
        change(&mut header, &mut claims);
        raw(tokens, &header.to_string(), &claims.to_string())
    }

    /// Whatever stands in header and claims, rightly signed by our key.
    fn raw(tokens: &Tokens, header: &str, claims: &str) -> String {
        let text = URL_SAFE_NO_PAD.encode(header) + "." + &URL_SAFE_NO_PAD.encode(claims);
        let signature = tokens.keys().signing(now()).unwrap().sign(text.as_bytes()).unwrap();
        text + "." + &URL_SAFE_NO_PAD.encode(signature)
    }

    /// Everything here but the signature is what an attacker could ask for; that it is signed by
    /// our own key shows that it is refused for what it says.
    #[test]
    fn forgeries_are_not_believed() {
        let tokens = tokens();
        let believed = |token: &str| tokens.check(token, now()).is_ok();
        assert!(believed(&tampered(&tokens, |_, _| {})));
        let key_id = tokens.keys().signing(now()).unwrap().id.clone();

        let headers: [(&str, Value); 10] = [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("RS512")),
            ("typ", json!("JWT")),
            ("kid", json!("../../dev/null")),
            ("kid", json!("' or 1=1 --")),
            ("jku", json!("https://evil.example/jwks.json")),
            ("jwk", json!({ "kty": "oct", "k": "AA" })),
            ("x5u", json!("https://evil.example/cert.pem")),
            ("crit", json!(["exp"])),
        ];
        for (name, value) in headers {
            let token = tampered(&tokens, |header, _| header[name] = value.clone());
            assert!(!believed(&token), "{name} {value}");
        }
        let claims: [(&str, Value); 9] = [
            ("iss", json!("https://evil.example")),
            ("aud", json!("another audience")),
            ("aud", Value::Null),
            ("exp", json!("9999999999")),
            ("exp", Value::Null),
            ("exp", json!(1)),
            ("sub", json!(7)),
            ("sid", Value::Null),
            ("tenantId", json!("one")),
        ];
        for (name, value) in claims {
            let token = tampered(&tokens, |_, claims| claims[name] = value.clone());
            assert!(!believed(&token), "{name} {value}");
        }

        // The public key as an HMAC secret.
        let text = tokens.issue(&signed_in(), "1".into(), now()).unwrap();
        let (_, rest) = text.split_once('.').unwrap();
        let (body, _) = rest.split_once('.').unwrap();
        let header = json!({ "alg": "HS256", "typ": TYPE, "kid": key_id }).to_string();
        let head = URL_SAFE_NO_PAD.encode(&header) + "." + body;
        let modulus = tokens.keys().published(now()).next().unwrap().modulus;
        let secret = hmac::Key::new(hmac::HMAC_SHA256, modulus.as_bytes());
        let code = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, head.as_bytes()));
        assert!(!believed(&format!("{head}.{code}")));

        // The same claim twice: whichever a reader takes, another takes the other.
        let header = json!({ "alg": "RS256", "typ": TYPE, "kid": key_id }).to_string();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        assert!(believed(&raw(&tokens, &header, &claims)));
        let twice = claims.replacen('{', "{\"sub\":\"1\",", 1);
        assert!(!believed(&raw(&tokens, &header, &twice)));
        let header_twice = header.replacen('{', "{\"alg\":\"none\",", 1);
        assert!(!believed(&raw(&tokens, &header_twice, &claims)));

        let strange = self::tokens().issue(&signed_in(), "1".into(), now()).unwrap();
        assert_eq!(tokens.check(&strange, now()).unwrap_err(), Disbelief::UnknownKey);
        let long = "a".repeat(1_000_000);
        let unsigned = text.rsplit_once('.').unwrap().0;
        for bad in ["", "a", "a.b.c", &format!("{unsigned}."), unsigned, &long] {
            assert_eq!(tokens.check(bad, now()).unwrap_err(), Disbelief::Malformed);
        }
    }
}
