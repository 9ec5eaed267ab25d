//! People, as they see themselves.

use commands::Commands;
use commands::user::Profile;
use domain::language::Language;
use domain::user::names::{FullName, Phone, Username};
use eventstore::ledger::read::Ledger;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::sessions::SessionRow;
use projections::users::UserRow;
use projections::{Past, Projection, Readers, users};
use secrecy::SecretString;

use super::devices::Device;
use super::login_history::Login;
use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::limits::Sensitive;
use crate::http::past::{rebuilt, shown};
use crate::http::problem::Problem;
use crate::http::reading::caught_up;

pub struct Users {
    pub commands: Commands,
    pub readers: Readers,
    pub past: Past,
    pub ledger: Ledger,
}

/// A person. What has been erased is null.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct User {
    id: String,
    status: String,
    roles: Vec<String>,
    email: Option<String>,
    username: Option<String>,
    full_name: Option<String>,
    phone: Option<String>,
    /// What letters are written in.
    language: String,
    registered_at: String,
    email_verified_at: Option<String>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.user_id.to_string(),
            status: row.status,
            roles: row.roles,
            email: row.email,
            username: row.username,
            full_name: row.full_name,
            phone: row.phone,
            language: row.language,
            registered_at: written(row.registered_at),
            email_verified_at: row.email_verified_at.map(written),
        }
    }
}

/// What is left out stays as it is.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ProfileBody {
    username: Parsed<Username>,
    full_name: Parsed<FullName>,
    phone: Parsed<Phone>,
    language: Parsed<Language>,
}

impl Checked for ProfileBody {
    type Value = Profile;

    fn check(self, violations: &mut Violations) -> Option<Profile> {
        let username = violations.optional("username", self.username);
        let full_name = violations.optional("fullName", self.full_name);
        let phone = violations.optional("phone", self.phone);
        let language = violations.optional("language", self.language);
        Some(Profile {
            username: username?,
            full_name: full_name?,
            phone: phone?,
            language: language?,
        })
    }
}

/// The profile is as asked for. A read with X-Min-Position shows it.
#[derive(Object)]
struct ProfileChanged {
    changed: bool,
}

/// A sign-in of mine, over or not.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct SignIn {
    id: String,
    address: Option<String>,
    user_agent: Option<String>,
    opened_at: String,
    used_at: String,
}

impl From<SessionRow> for SignIn {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.session_id.to_string(),
            address: row.address,
            user_agent: row.user_agent,
            opened_at: written(row.opened_at),
            used_at: written(row.used_at),
        }
    }
}

/// What is known of a person. Of long lists, the newest ten thousand.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Export {
    profile: User,
    sessions: Vec<SignIn>,
    devices: Vec<Device>,
    login_history: Vec<Login>,
}

#[derive(Object)]
struct EraseBody {
    password: Needed<SecretString>,
}

impl Checked for EraseBody {
    type Value = SecretString;

    fn check(self, violations: &mut Violations) -> Option<SecretString> {
        violations.required("password", self.password)
    }
}

/// The person is erased.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Gone {
    status: String,
    ended_sessions: usize,
}

impl Gone {
    pub fn of(ended_sessions: usize) -> Self {
        Self { status: "ERASED".to_owned(), ended_sessions }
    }
}

#[OpenApi(tag = "Tag::Users")]
impl Users {
    /// Who I am
    #[oai(path = "/users/me", method = "get", operation_id = "me")]
    async fn me(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A position of the log or an RFC 3339 time: who I was then.
        #[oai(name = "asOf")]
        as_of: Query<Option<String>>,
    ) -> Result<Found<User>, Problem> {
        caught_up(&self.readers, users::Users::NAME, min_position.0).await?;
        let actor = caller.0;
        let user = actor.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let tenant = actor.tenant();
        let (row, made_of) = match as_of.0 {
            Some(then) => {
                let past = rebuilt(&self.past, &then, |at| self.past.user(tenant, user, at));
                shown(&self.ledger, past.await?).await?
            }
            None => (self.readers.user(tenant, user).await?, None),
        };
        let row = row.ok_or_else(|| Problem::new(ErrorCode::UserNotFound))?;
        let sequence = row.sequence;
        Ok(Found::new(row.into()).made_of(made_of).at_sequence(sequence))
    }

    /// Who I am, by its other name
    #[oai(path = "/users/profile", method = "get", operation_id = "profile")]
    async fn profile(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A position of the log or an RFC 3339 time: who I was then.
        #[oai(name = "asOf")]
        as_of: Query<Option<String>>,
    ) -> Result<Found<User>, Problem> {
        self.me(caller, min_position, as_of).await
    }

    /// Change what I am called, reached by and written to in
    #[oai(path = "/users/me", method = "put", operation_id = "change_me")]
    async fn change_me(
        &self,
        caller: Caller,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<ProfileBody>,
    ) -> Result<Found<ProfileChanged>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.change_profile(&asked, &body.value).await?;
        Ok(Found::new(ProfileChanged { changed: done.position >= 0 }).done(&done))
    }

    /// Change what I am called, by its other name
    #[oai(path = "/users/profile", method = "put", operation_id = "change_profile")]
    async fn change_profile(
        &self,
        caller: Caller,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<ProfileBody>,
    ) -> Result<Found<ProfileChanged>, Problem> {
        self.change_me(caller, if_match, body).await
    }

    /// Everything the platform knows of me, as a file
    #[oai(path = "/users/me/export", method = "get", operation_id = "export_me")]
    async fn export_me(&self, caller: Caller) -> Result<Found<Export>, Problem> {
        let actor = caller.0;
        let user = actor.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let row = self.readers.user(actor.tenant(), user).await?;
        let row = row.ok_or_else(|| Problem::new(ErrorCode::UserNotFound))?;
        let sessions = self.readers.every_session_of(actor.tenant(), user).await?;
        let sessions = sessions.into_iter().map(SignIn::from).collect();
        let devices = self.readers.devices_of(actor.tenant(), user).await?;
        let devices = devices.into_iter().map(Device::from).collect();
        let history = self.readers.every_login_of(actor.tenant(), user).await?;
        let login_history = history.into_iter().map(Login::from).collect();
        let export = Export { profile: row.into(), sessions, devices, login_history };
        Ok(Found::new(export).as_file("caskchain-export.json"))
    }

    /// Erase me
    ///
    /// What is known of me is destroyed; what I did stays in the log, without me. The password
    /// confirms it.
    #[oai(path = "/users/me", method = "delete", operation_id = "erase_me")]
    async fn erase_me(
        &self,
        sensitive: Sensitive,
        caller: Caller,
        body: Body<EraseBody>,
    ) -> Result<Found<Gone>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), body.digest)?;
        let done = sensitive.judged(self.commands.erase_me(&asked, &body.value).await).await?;
        Ok(Found::new(Gone::of(done.answer.ended_sessions)).done(&done))
    }
}
