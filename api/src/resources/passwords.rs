//! Passwords: forgotten, set again, changed.

use commands::Commands;
use domain::id::TenantId;
use domain::user::email::Email;
use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::Tag;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Accepted, Found};
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::limits::Sensitive;
use crate::http::problem::Problem;
use crate::http::values::Token;

pub struct Passwords {
    pub commands: Commands,
}

/// Whose account it is about.
#[derive(Object)]
pub struct LetterBody {
    email: Needed<Email>,
    /// The tenant's id; the platform's own if left out.
    tenant: Parsed<TenantId>,
}

impl Checked for LetterBody {
    type Value = (Email, Option<TenantId>);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let email = violations.required("email", self.email);
        let tenant = violations.optional("tenant", self.tenant);
        Some((email?, tenant?))
    }
}

/// Noted. Whether a letter goes out is told to nobody.
#[derive(Object)]
pub struct LetterNoted {
    status: String,
}

impl LetterNoted {
    pub fn accepted() -> Self {
        Self { status: "ACCEPTED".to_owned() }
    }
}

#[derive(Object)]
struct ResetBody {
    token: Needed<Token>,
    password: Needed<SecretString>,
}

impl Checked for ResetBody {
    type Value = (SecretString, SecretString);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let token = violations.required("token", self.token);
        let password = violations.required("password", self.password);
        Some((token?.0, password?))
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ChangeBody {
    current_password: Needed<SecretString>,
    new_password: Needed<SecretString>,
}

impl Checked for ChangeBody {
    type Value = (SecretString, SecretString);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let current = violations.required("currentPassword", self.current_password);
        let new = violations.required("newPassword", self.new_password);
        Some((current?, new?))
    }
}

/// The password is another one now, and whoever had come in with the old one is out.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct PasswordSet {
    ended_sessions: usize,
}

#[OpenApi(tag = "Tag::Auth")]
impl Passwords {
    /// Ask for a new password by mail
    ///
    /// The answer is the same whether or not the address is known.
    #[oai(path = "/auth/password/forgot", method = "post", operation_id = "forgot_password")]
    async fn forgot_password(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<LetterBody>,
    ) -> Result<Accepted<LetterNoted>, Problem> {
        let (email, tenant) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(tenant), headers, body.digest)?;
        sensitive.judged(self.commands.forgot_password(&asked, &email).await).await?;
        Ok(Accepted::new(LetterNoted::accepted()))
    }

    /// Set a new password with the token that was mailed
    #[oai(path = "/auth/password/reset", method = "post", operation_id = "reset_password")]
    async fn reset_password(
        &self,
        sensitive: Sensitive,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<ResetBody>,
    ) -> Result<Found<PasswordSet>, Problem> {
        let (token, password) = body.value;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(asking::anonymous(None), headers, body.digest)?;
        let done = sensitive
            .judged(self.commands.reset_password(&asked, token.expose_secret(), &password).await)
            .await?;
        let ended_sessions = done.answer.ended_sessions;
        Ok(Found::new(PasswordSet { ended_sessions }).done(&done))
    }

    /// Change my password
    ///
    /// All of my other sessions end.
    #[oai(path = "/users/me/password", method = "put", operation_id = "change_password")]
    async fn change_password(
        &self,
        sensitive: Sensitive,
        caller: Caller,
        body: Body<ChangeBody>,
    ) -> Result<Found<PasswordSet>, Problem> {
        let (current, new) = body.value;
        let asked = asking::asked(caller.0, Headers::default(), body.digest)?;
        let outcome = self.commands.change_password(&asked, &current, &new).await;
        let done = sensitive.judged(outcome).await?;
        let ended_sessions = done.answer.ended_sessions;
        Ok(Found::new(PasswordSet { ended_sessions }).done(&done))
    }
}
