//! Signing in: the password, and where a tenant wants one, a mailed code.

use commands::session::{CodeAsked, DeviceInfo, Entered, SignIn};
use commands::{CommandError, Commands};
use domain::id::TenantId;
use domain::moment::Moment;
use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::Tag;
use super::tokens::Issued;
use crate::http::asking::{self, Headers};
use crate::http::body::{Body, Checked};
use crate::http::conversation::Conversation;
use crate::http::either::Either;
use crate::http::envelope::{Accepted, Found};
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::limits::Sensitive;
use crate::http::problem::Problem;
use crate::http::values::{Text, Token};
use crate::metrics::Metrics;

pub struct SignIns {
    pub commands: Commands,
    pub metrics: Metrics,
}

/// Credentials. The identifier is an e-mail address, a username or a telephone number.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct LoginBody {
    identifier: Needed<Text<255>>,
    password: Needed<SecretString>,
    remember_me: Parsed<bool>,
    device_info: Parsed<DeviceInfo>,
    tenant: Parsed<TenantId>,
}

impl Checked for LoginBody {
    type Value = (SignIn, Option<TenantId>);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let identifier = violations.required("identifier", self.identifier);
        let password = violations.required("password", self.password);
        let remember_me = violations.optional("rememberMe", self.remember_me);
        let device = violations.optional("deviceInfo", self.device_info);
        let tenant = violations.optional("tenant", self.tenant);
        let (address, user_agent) = from_where();
        let sign_in = SignIn {
            identifier: identifier?.0,
            password: password?,
            remember_me: remember_me?.unwrap_or_default(),
            device: device?.unwrap_or_default(),
            address,
            user_agent,
        };
        Some((sign_in, tenant?))
    }
}

/// The password was right. A code of six digits is on its way by mail.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct CodeMailed {
    /// Says which sign-in the code is for. Not the id of a session: there is none yet.
    session_id: String,
    /// Seconds.
    expires_in: u64,
    /// How the code is sent.
    method: String,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct VerifyCodeBody {
    session_id: Needed<Token>,
    code: Needed<SecretString>,
}

impl Checked for VerifyCodeBody {
    type Value = (SecretString, SecretString);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let session = violations.required("sessionId", self.session_id);
        let code = violations.required("code", self.code);
        Some((session?.0, code?))
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ResendCodeBody {
    session_id: Needed<Token>,
}

impl Checked for ResendCodeBody {
    type Value = SecretString;

    fn check(self, violations: &mut Violations) -> Option<SecretString> {
        violations.required("sessionId", self.session_id).map(|token| token.0)
    }
}

/// Another code is on its way; the one before is worth nothing any more.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct CodeMailedAgain {
    /// Seconds.
    expires_in: u64,
    resends_remaining: u32,
}

#[OpenApi(tag = "Tag::Auth")]
impl SignIns {
    /// Sign in
    ///
    /// Where the tenant wants a mailed code, the answer is 202 and says which sign-in waits for it.
    /// Send `deviceInfo.token` of the last sign-in: then nobody else's wrong guesses keep you out.
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<LoginBody>,
    ) -> Result<Either<Found<Issued>, Accepted<CodeMailed>>, Problem> {
        let (sign_in, tenant) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(tenant), headers, body.digest)?;
        let outcome = self.commands.sign_in(&asked, &sign_in).await;
        self.count(asked.context.tenant(), "password", &outcome);
        let done = sensitive.judged(outcome).await?;
        Ok(match &done.answer {
            Entered::SignedIn(signed_in) => {
                Either::This(Found::new(Issued::to(&self.commands, signed_in)?).done(&done))
            }
            Entered::CodeAsked(CodeAsked { token, expires_at }) => {
                let mailed = CodeMailed {
                    session_id: token.expose_secret().to_owned(),
                    expires_in: self.seconds_until(*expires_at),
                    method: "email".to_owned(),
                };
                Either::That(Accepted::new(mailed).done(&done))
            }
        })
    }

    /// Sign in with the code that was mailed
    #[oai(path = "/auth/verify-otp", method = "post", operation_id = "verify_otp")]
    async fn verify_otp(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<VerifyCodeBody>,
    ) -> Result<Found<Issued>, Problem> {
        let (token, code) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(None), headers, body.digest)?;
        let (address, user_agent) = from_where();
        let outcome = self.commands.verify_code(&asked, &token, &code, address, user_agent).await;
        if let Some(waiting) = self.commands.sign_in_codes.check(&token) {
            self.count(waiting.tenant, "email_otp", &outcome);
        }
        let done = sensitive.judged(outcome).await?;
        Ok(Found::new(Issued::to(&self.commands, &done.answer)?).done(&done))
    }

    /// Have another code mailed for the same sign-in
    ///
    /// At most three times. There is neither more time nor are there more tries.
    #[oai(path = "/auth/resend-otp", method = "post", operation_id = "resend_otp")]
    async fn resend_otp(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<ResendCodeBody>,
    ) -> Result<Accepted<CodeMailedAgain>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(None), headers, body.digest)?;
        let done = sensitive.judged(self.commands.resend_code(&asked, &body.value).await).await?;
        let expires_in = self.seconds_until(done.answer.expires_at);
        let resends_remaining = done.answer.resends_remaining;
        Ok(Accepted::new(CodeMailedAgain { expires_in, resends_remaining }).done(&done))
    }
}

impl SignIns {
    fn count<T>(&self, tenant: TenantId, method: &'static str, outcome: &Result<T, CommandError>) {
        let status = match outcome {
            Ok(_) => "success",
            Err(CommandError::WrongCredentials { .. } | CommandError::WrongCode { .. }) => {
                "failure"
            }
            Err(CommandError::Locked(_)) => "locked",
            Err(_) => return,
        };
        self.metrics.login(tenant.to_string(), method, status);
    }

    fn seconds_until(&self, moment: Moment) -> u64 {
        let now = self.commands.store.clock().now();
        u64::try_from(moment.unix_s() - now.unix_s()).unwrap_or_default()
    }
}

/// Address and user agent of this request.
fn from_where() -> (Option<String>, Option<String>) {
    let conversation = Conversation::current();
    let address = conversation.as_ref().and_then(|c| c.address).map(|a| a.to_string());
    (address, conversation.and_then(|c| c.user_agent))
}
