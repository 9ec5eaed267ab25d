//! Accounts and signing in.

use commands::session::SignIn;
use commands::user::Registration;
use commands::{CommandError, Commands};
use domain::id::TenantId;
use domain::user::email::Email;
use domain::user::names::{FullName, Phone, Username};
use domain::user::password;
use domain::violation::Violation;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::Tag;
use super::passwords::{LetterBody, LetterNoted};
use super::tokens::Issued;
use crate::http::asking::{self, Headers};
use crate::http::body::{Body, Checked};
use crate::http::conversation::Conversation;
use crate::http::envelope::{Accepted, Created, Found};
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::limits::Sensitive;
use crate::http::problem::Problem;
use crate::http::values::Text;
use crate::metrics::Metrics;

pub struct Auth {
    pub commands: Commands,
    pub metrics: Metrics,
}

/// A person who wants an account. A username or a full name is needed.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RegisterBody {
    email: Needed<Email>,
    password: Needed<SecretString>,
    username: Parsed<Username>,
    full_name: Parsed<FullName>,
    phone: Parsed<Phone>,
    /// The tenant's id; the platform's own if left out.
    tenant: Parsed<TenantId>,
}

impl Checked for RegisterBody {
    type Value = (Registration, Option<TenantId>);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let email = violations.required("email", self.email);
        let password = violations.required("password", self.password);
        let username = violations.optional("username", self.username);
        let full_name = violations.optional("fullName", self.full_name);
        let phone = violations.optional("phone", self.phone);
        let tenant = violations.optional("tenant", self.tenant);
        if matches!((&username, &full_name), (Some(None), Some(None))) {
            violations.add("username", Violation::Required);
        }
        // Judged by what could be read, so that a broken address does not hide a weak password.
        let own_words = [
            email.as_ref().map(Email::as_str),
            username.as_ref().and_then(Option::as_ref).map(Username::as_str),
            full_name.as_ref().and_then(Option::as_ref).map(FullName::as_str),
        ];
        let own_words: Vec<_> = own_words.into_iter().flatten().collect();
        if let Some(candidate) = &password
            && let Err(violation) = password::judge(candidate.expose_secret(), &own_words)
        {
            violations.add("password", violation);
        }
        let registration = Registration {
            email: email?,
            password: password?,
            username: username?,
            full_name: full_name?,
            phone: phone?,
        };
        Some((registration, tenant?))
    }
}

/// What everybody is told who registers. Whether the address was known is told to its owner only.
#[derive(Object)]
struct Registered {
    status: String,
}

#[derive(Object)]
struct VerifyEmailBody {
    token: Needed<Text<512>>,
}

impl Checked for VerifyEmailBody {
    type Value = String;

    fn check(self, violations: &mut Violations) -> Option<String> {
        violations.required("token", self.token).map(|token| token.0)
    }
}

#[derive(Object)]
struct Verified {
    status: String,
}

/// Credentials. The identifier is an e-mail address, a username or a telephone number.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct LoginBody {
    identifier: Needed<Text<255>>,
    password: Needed<SecretString>,
    remember_me: Parsed<bool>,
    tenant: Parsed<TenantId>,
}

impl Checked for LoginBody {
    type Value = (SignIn, Option<TenantId>);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let identifier = violations.required("identifier", self.identifier);
        let password = violations.required("password", self.password);
        let remember_me = violations.optional("rememberMe", self.remember_me);
        let tenant = violations.optional("tenant", self.tenant);
        let conversation = Conversation::current();
        let sign_in = SignIn {
            identifier: identifier?.0,
            password: password?,
            remember_me: remember_me?.unwrap_or_default(),
            address: conversation.as_ref().and_then(|c| c.address).map(|a| a.to_string()),
            user_agent: conversation.and_then(|c| c.user_agent),
        };
        Some((sign_in, tenant?))
    }
}

#[OpenApi(tag = "Tag::Auth")]
impl Auth {
    /// Register a person
    ///
    /// The answer is the same whether or not the address is known; its owner gets a mail.
    #[oai(path = "/auth/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RegisterBody>,
    ) -> Result<Created<Registered>, Problem> {
        let (registration, tenant) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(tenant), headers, body.digest)?;
        let done =
            sensitive.judged(self.commands.register_user(&asked, &registration).await).await?;
        // No position: it would tell how much was written, and with it whether the address is known.
        let answer = Created::new(Registered { status: "PENDING".to_owned() });
        Ok(answer.at("/api/v1/users/me".to_owned()).replayed(done.repeated))
    }

    /// Verify an e-mail address
    #[oai(path = "/auth/verify-email", method = "post", operation_id = "verify_email")]
    async fn verify_email(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<VerifyEmailBody>,
    ) -> Result<Found<Verified>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(None), headers, body.digest)?;
        let done = sensitive.judged(self.commands.verify_email(&asked, &body.value).await).await?;
        Ok(Found::new(Verified { status: "ACTIVE".to_owned() }).done(&done))
    }

    /// Verify an e-mail address by the link in the mail
    #[oai(path = "/auth/verify-email", method = "get", operation_id = "verify_email_by_link")]
    async fn verify_email_by_link(
        &self,
        sensitive: Sensitive,
        token: Query<Option<String>>,
    ) -> Result<Found<Verified>, Problem> {
        let token = token.0.ok_or_else(|| Problem::invalid_field("token", Violation::Required))?;
        let asked = asking::asked(asking::anonymous(None), Headers::default(), Vec::new())?;
        let done = sensitive.judged(self.commands.verify_email(&asked, &token).await).await?;
        Ok(Found::new(Verified { status: "ACTIVE".to_owned() }).done(&done))
    }

    /// Ask for the verification mail again
    ///
    /// The answer is the same whether or not the address is known.
    #[oai(
        path = "/auth/resend-verification",
        method = "post",
        operation_id = "resend_verification"
    )]
    async fn resend_verification(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<LetterBody>,
    ) -> Result<Accepted<LetterNoted>, Problem> {
        let (email, tenant) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(tenant), headers, body.digest)?;
        sensitive.judged(self.commands.resend_verification(&asked, &email).await).await?;
        Ok(Accepted::new(LetterNoted::accepted()))
    }

    /// Sign in
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<LoginBody>,
    ) -> Result<Found<Issued>, Problem> {
        let (sign_in, tenant) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(tenant), headers, body.digest)?;
        let outcome = self.commands.sign_in(&asked, &sign_in).await;
        let tenant = asked.context.tenant().to_string();
        match &outcome {
            Ok(_) => self.metrics.login(tenant, "success"),
            Err(CommandError::WrongCredentials { .. }) => self.metrics.login(tenant, "failure"),
            Err(CommandError::Locked(_)) => self.metrics.login(tenant, "locked"),
            Err(_) => {}
        }
        let done = sensitive.judged(outcome).await?;
        Ok(Found::new(Issued::to(&self.commands, &done.answer)?).done(&done))
    }
}
