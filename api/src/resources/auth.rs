//! Accounts and signing in.

use commands::Commands;
use commands::user::Registration;
use domain::id::TenantId;
use domain::language::Language;
use domain::user::email::Email;
use domain::user::names::{FullName, Phone, Username};
use domain::user::password;
use domain::violation::Violation;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::Tag;
use super::passwords::{LetterBody, LetterNoted};
use crate::http::asking::{self, Headers};
use crate::http::body::{Body, Checked};
use crate::http::conversation::Conversation;
use crate::http::envelope::{Accepted, Created, Found};
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::limits::Sensitive;
use crate::http::problem::Problem;
use crate::http::values::Text;

pub struct Auth {
    pub commands: Commands,
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
    /// What letters are written in: `en`, `zh-Hant` or `zh-Hans`; by Accept-Language if left out.
    language: Parsed<Language>,
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
        let language = violations.optional("language", self.language);
        let tenant = violations.optional("tenant", self.tenant);
        if matches!((&username, &full_name), (Some(None), Some(None))) {
            violations.add("username", Violation::Required);
        }
        // The tenant's policy judges once everything can be read.
        if let Some(candidate) = &password
            && let Err(violation) = password::acceptable(candidate.expose_secret())
        {
            violations.add("password", violation);
        }
        let registration = Registration {
            email: email?,
            password: password?,
            username: username?,
            full_name: full_name?,
            phone: phone?,
            language: language?.unwrap_or_else(language_of_this_request),
        };
        Some((registration, tenant?))
    }
}

fn language_of_this_request() -> Language {
    Conversation::current().map_or_else(Language::default, |conversation| conversation.language)
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
}
