//! A tenant's settings: how its people come in, what it wants of their passwords, and how its casks get
//! their tokens.

use commands::Commands;
use domain::id::TenantId;
use domain::tenant::password_policy::{LENGTHS, MAX_HISTORY, MAX_STRENGTH};
use domain::tenant::{ChangeSettings, PasswordPolicy};
use domain::user::password::FORBIDDEN;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};

use super::Tag;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::problem::{FieldViolation, Problem};
use crate::http::values::Whole;

pub struct Tenants {
    pub commands: Commands,
}

/// What is left out stays as it is.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct SettingsBody {
    /// After the password, a code that is mailed.
    otp_login: Parsed<bool>,
    /// Whoever registers with an address that has an account is told so: convenient, and a way to
    /// find out who has one.
    reveal_existing_email: Parsed<bool>,
    /// Tokens asked for from now on are minted by a contract that takes no mint without the Merkle proof of
    /// the cask's approval against an anchored head of the ledger. 409 where no network has one.
    proven_mints: Parsed<bool>,
}

impl Checked for SettingsBody {
    type Value = ChangeSettings;

    fn check(self, violations: &mut Violations) -> Option<ChangeSettings> {
        let otp_login = violations.optional("otpLogin", self.otp_login);
        let reveal = violations.optional("revealExistingEmail", self.reveal_existing_email);
        let proven_mints = violations.optional("provenMints", self.proven_mints);
        Some(ChangeSettings {
            sign_in_code: otp_login?,
            reveal_existing_email: reveal?,
            proven_mints: proven_mints?,
        })
    }
}

/// What is in force.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Settings {
    otp_login: bool,
    reveal_existing_email: bool,
    proven_mints: bool,
}

/// A whole policy. `minStrength` is as zxcvbn has it, from 0 to 4; without `lifeDays` passwords do
/// not expire.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct PolicyBody {
    min_length: Needed<Whole<0, 1_000_000>>,
    upper_case: Needed<bool>,
    lower_case: Needed<bool>,
    digit: Needed<bool>,
    special_character: Needed<bool>,
    min_strength: Needed<Whole<0, 4>>,
    history: Needed<Whole<0, 5>>,
    life_days: Parsed<Whole<1, 3_650>>,
}

impl Checked for PolicyBody {
    type Value = PasswordPolicy;

    fn check(self, violations: &mut Violations) -> Option<PasswordPolicy> {
        let min_length = violations.required("minLength", self.min_length);
        let upper_case = violations.required("upperCase", self.upper_case);
        let lower_case = violations.required("lowerCase", self.lower_case);
        let digit = violations.required("digit", self.digit);
        let special_character = violations.required("specialCharacter", self.special_character);
        let min_strength = violations.required("minStrength", self.min_strength);
        let history = violations.required("history", self.history);
        let life_days = violations.optional("lifeDays", self.life_days);
        Some(PasswordPolicy {
            min_length: usize::try_from(min_length?.0).ok()?,
            upper_case: upper_case?,
            lower_case: lower_case?,
            digit: digit?,
            special_character: special_character?,
            min_strength: u8::try_from(min_strength?.0).ok()?,
            history: usize::try_from(history?.0).ok()?,
            life_days: life_days?.and_then(|days| u32::try_from(days.0).ok()),
        })
    }
}

/// What a password has to be like.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Policy {
    min_length: usize,
    max_length: usize,
    upper_case: bool,
    lower_case: bool,
    digit: bool,
    special_character: bool,
    /// As zxcvbn estimates it, from 0 to `maxStrength`.
    min_strength: u8,
    max_strength: u8,
    /// None of these may stand in it, nor may the person's own names.
    forbidden_words: Vec<String>,
    /// So many of a person's last passwords may not come again.
    history: usize,
    max_history: usize,
    /// After how many days another one has to be set; never, if null.
    life_days: Option<u32>,
}

impl From<PasswordPolicy> for Policy {
    fn from(policy: PasswordPolicy) -> Self {
        Self {
            min_length: policy.min_length,
            max_length: *LENGTHS.end(),
            upper_case: policy.upper_case,
            lower_case: policy.lower_case,
            digit: policy.digit,
            special_character: policy.special_character,
            min_strength: policy.min_strength,
            max_strength: MAX_STRENGTH,
            forbidden_words: FORBIDDEN.map(str::to_owned).to_vec(),
            history: policy.history,
            max_history: MAX_HISTORY,
            life_days: policy.life_days,
        }
    }
}

#[OpenApi(tag = "Tag::Tenants")]
impl Tenants {
    /// What a password has to be like
    #[oai(path = "/auth/password/policy", method = "get", operation_id = "password_policy")]
    async fn password_policy(
        &self,
        /// The tenant's id; the platform's own if left out.
        tenant: Query<Option<String>>,
    ) -> Result<Found<Policy>, Problem> {
        let named = tenant.0.map(|text| tenant_named(&text)).transpose()?;
        let (settings, _) = self.commands.settings_of(named.unwrap_or(TenantId::PLATFORM)).await?;
        Ok(Found::new(settings.passwords.into()))
    }

    /// What this tenant wants of passwords
    ///
    /// Passwords that were set before are not judged again, but may have expired.
    #[oai(
        path = "/tenants/:id/password-policy",
        method = "put",
        operation_id = "change_password_policy"
    )]
    async fn change_password_policy(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<PolicyBody>,
    ) -> Result<Found<Policy>, Problem> {
        let policy = body.value.check().map_err(|broken| {
            let named = broken
                .into_iter()
                .map(|(field, violation)| FieldViolation { field: field.to_owned(), violation });
            Problem::invalid(&named.collect::<Vec<_>>())
        })?;
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let tenant = tenant_named(&id.0)?;
        let done = self.commands.change_password_policy(&asked, tenant, policy).await?;
        Ok(Found::new(policy.into()).done(&done))
    }

    /// How people of this tenant come in, and how its casks get their tokens
    #[oai(path = "/tenants/:id/settings", method = "put", operation_id = "change_settings")]
    async fn change_settings(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<SettingsBody>,
    ) -> Result<Found<Settings>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let tenant = tenant_named(&id.0)?;
        let done = self.commands.change_settings(&asked, tenant, &body.value).await?;
        let (settings, _) = self.commands.settings_of(tenant).await?;
        let shown = Settings {
            otp_login: settings.sign_in_code,
            reveal_existing_email: settings.reveal_existing_email,
            proven_mints: settings.proven_mints,
        };
        Ok(Found::new(shown).done(&done))
    }
}

/// What is no id is no tenant.
fn tenant_named(id: &str) -> Result<TenantId, Problem> {
    id.parse().map_err(|_| Problem::new(ErrorCode::TenantNotFound))
}
