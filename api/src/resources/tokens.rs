//! Tokens: new ones for old, what one says, and their end.

use commands::Commands;
use commands::outside::device_tokens::Owned;
use commands::outside::refresh_tokens::Shown;
use commands::outside::tokens::{ACCESS_TOKEN_LIFE, Claims};
use commands::session::{SignedIn, Which};
use domain::moment::Moment;
use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::Tag;
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Believer, Caller};
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::problem::Problem;
use crate::http::values::Token;
use crate::metrics::Metrics;

pub struct Tokens {
    pub commands: Commands,
    pub metrics: Metrics,
    pub believer: Believer,
}

/// A session with its tokens.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Issued {
    access_token: String,
    /// Good for one refresh; the answer brings the next. A token that was lost on the way can be
    /// asked for again with the old one for ten seconds.
    refresh_token: String,
    token_type: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds until the session is over, however much it is used.
    refresh_expires_in: u64,
    session_id: String,
    user_id: String,
    device_id: Option<String>,
    /// To be kept by the device, and sent as `deviceInfo.token` at its next sign-in.
    device_token: Option<String>,
    roles: Vec<String>,
}

impl Issued {
    /// Tokens are made for each answer, so that a repeated request does not need stored ones.
    pub fn to(commands: &Commands, signed_in: &SignedIn) -> Result<Self, Problem> {
        let internal = |error: &dyn std::fmt::Display| Problem::internal(error);
        let token_id = commands.entropy.text::<16>().map_err(|error| internal(&error))?;
        let now = commands.store.clock().now();
        let access_token =
            commands.tokens.issue(signed_in, token_id, now).map_err(|error| internal(&error))?;
        let refresh_token = commands.refresh_tokens.token(Shown {
            tenant: signed_in.tenant,
            session: signed_in.session,
            generation: signed_in.generation,
        });
        let device_token = signed_in.device.map(|device| {
            let (tenant, user) = (signed_in.tenant, signed_in.user);
            commands.device_tokens.token(Owned { tenant, user, device })
        });
        let left_s = signed_in.ends_at.unix_s() - now.unix_s();
        Ok(Self {
            access_token,
            refresh_token: refresh_token.expose_secret().to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: ACCESS_TOKEN_LIFE.as_secs(),
            refresh_expires_in: u64::try_from(left_s).unwrap_or_default(),
            session_id: signed_in.session.to_string(),
            user_id: signed_in.user.to_string(),
            device_id: signed_in.device.map(|device| device.to_string()),
            device_token: device_token.map(|token| token.expose_secret().to_owned()),
            roles: signed_in.roles.iter().map(|role| role.name().to_owned()).collect(),
        })
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RefreshBody {
    refresh_token: Needed<Token>,
}

impl Checked for RefreshBody {
    type Value = SecretString;

    fn check(self, violations: &mut Violations) -> Option<SecretString> {
        violations.required("refreshToken", self.refresh_token).map(|token| token.0)
    }
}

/// An access token or a refresh token.
#[derive(Object)]
pub struct TokenBody {
    token: Needed<Token>,
}

impl Checked for TokenBody {
    type Value = SecretString;

    fn check(self, violations: &mut Violations) -> Option<SecretString> {
        violations.required("token", self.token).map(|token| token.0)
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct LogoutBody {
    /// End all of my sessions, not only this one.
    all_devices: Parsed<bool>,
}

impl Checked for LogoutBody {
    type Value = bool;

    fn check(self, violations: &mut Violations) -> Option<bool> {
        Some(violations.optional("allDevices", self.all_devices)?.unwrap_or_default())
    }
}

/// How much has ended. A session has one refresh token at a time.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct SignedOut {
    revoked_sessions: usize,
    revoked_tokens: usize,
}

impl SignedOut {
    pub fn of(sessions: usize) -> Self {
        Self { revoked_sessions: sessions, revoked_tokens: sessions }
    }
}

/// A token that is believed, and what it says.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Believed {
    valid: bool,
    payload: Payload,
    session_id: String,
    expires_at: String,
}

/// The claims of an access token.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Payload {
    iss: String,
    aud: String,
    sub: String,
    email: Option<String>,
    tenant_id: String,
    sid: String,
    device_id: Option<String>,
    roles: Vec<String>,
    permissions: Vec<String>,
    /// Seconds since 1970.
    iat: i64,
    /// Seconds since 1970.
    exp: i64,
    jti: String,
}

impl From<Claims> for Payload {
    fn from(claims: Claims) -> Self {
        Self {
            iss: claims.iss,
            aud: claims.aud,
            sub: claims.sub.to_string(),
            email: claims.email,
            tenant_id: claims.tenant_id.to_string(),
            sid: claims.sid.to_string(),
            device_id: claims.device_id.map(|device| device.to_string()),
            roles: claims.roles.iter().map(|role| role.name().to_owned()).collect(),
            permissions: claims.permissions,
            iat: claims.iat,
            exp: claims.exp,
            jti: claims.jti,
        }
    }
}

#[OpenApi(tag = "Tag::Auth")]
impl Tokens {
    /// New tokens for a refresh token
    ///
    /// A token that was used before ends its session: somebody has a copy. An answer that was lost
    /// can be asked for again for ten seconds, with the same token; `Idempotency-Key` is not looked
    /// at.
    #[oai(path = "/auth/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(
        &self,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RefreshBody>,
    ) -> Result<Found<Issued>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(None), headers, body.digest)?;
        let outcome = self.commands.refresh(&asked, &body.value).await;
        self.metrics.token("refresh", outcome.is_ok());
        let done = outcome?;
        Ok(Found::new(Issued::to(&self.commands, &done.answer)?).done(&done))
    }

    /// Sign out, here or everywhere
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<LogoutBody>,
    ) -> Result<Found<SignedOut>, Problem> {
        let own = caller.0.session();
        let which = if body.value { Some(Which::All) } else { own.map(Which::One) };
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.sign_out(&asked, which.unwrap_or(Which::All)).await?;
        Ok(Found::new(SignedOut::of(done.answer.sessions)).done(&done))
    }

    /// Whether an access token is good, and what it says
    #[oai(path = "/auth/verify", method = "post", operation_id = "verify_token")]
    async fn verify_token(&self, body: Body<TokenBody>) -> Result<Found<Believed>, Problem> {
        let outcome = self.believer.claims(body.value.expose_secret()).await;
        self.metrics.token("verify", outcome.is_ok());
        let claims = outcome?;
        Ok(Found::new(Believed {
            valid: true,
            session_id: claims.sid.to_string(),
            expires_at: Moment::from_unix_ms(claims.exp * 1_000).to_string(),
            payload: claims.into(),
        }))
    }

    /// End the session a token of mine belongs to
    #[oai(path = "/auth/revoke", method = "post", operation_id = "revoke_token")]
    async fn revoke_token(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<TokenBody>,
    ) -> Result<Found<SignedOut>, Problem> {
        let session = match self.commands.refresh_tokens.check(&body.value) {
            Some(shown) => shown.session,
            None => self.believer.claims(body.value.expose_secret()).await?.sid,
        };
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.sign_out(&asked, Which::One(session)).await?;
        Ok(Found::new(SignedOut::of(done.answer.sessions)).done(&done))
    }
}
