//! People, as administrators look after them.

use std::collections::BTreeSet;

use commands::Commands;
use domain::id::UserId;
use domain::moment::Moment;
use domain::permission::Permission;
use domain::user::Status;
use domain::violation::bounded_text;
use eventstore::ledger::read::Ledger;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::users::{Filter, UserRow};
use projections::{Authority, Past, Projection, Readers, users};

use super::users::{Gone, User};
use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Violations};
use crate::http::past::{rebuilt, shown};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page, word};
use crate::http::values::UserStatus;

pub struct People {
    pub commands: Commands,
    pub readers: Readers,
    pub past: Past,
    pub ledger: Ledger,
}

/// What everybody of the tenant may know of somebody.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct PublicUser {
    id: String,
    /// Null if they have none, or have been erased.
    username: Option<String>,
    /// Whether their personal data was erased, be it after the time that is asked for.
    erased: bool,
    registered_at: String,
}

/// A person, as administrators see them.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Person {
    #[oai(flatten)]
    user: User,
    /// As the owner was told; null once it is over.
    locked_until: Option<String>,
}

#[derive(Object)]
struct StatusBody {
    status: Needed<UserStatus>,
}

impl Checked for StatusBody {
    type Value = Status;

    fn check(self, violations: &mut Violations) -> Option<Status> {
        violations.required("status", self.status).map(|status| status.0)
    }
}

/// The account is in the status asked for.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct StatusChanged {
    status: String,
    ended_sessions: usize,
}

/// What somebody may do, and why.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Permissions {
    /// PENDING, ACTIVE, SUSPENDED, INACTIVE or ERASED.
    status: String,
    /// None for whoever is not active.
    roles: Vec<String>,
    /// What these roles allow, by the version of the platform that answers.
    permissions: Vec<String>,
    events: Vec<String>,
}

impl Permissions {
    fn of(authority: &Authority) -> Self {
        let roles = authority.account.stay().unwrap_or_default();
        let grants = roles.iter().flat_map(|role| role.grants());
        let permissions: BTreeSet<&str> = grants.map(|permission| permission.code()).collect();
        let status = authority.account.account().map_or("ERASED", |account| account.status.name());
        Self {
            status: status.to_owned(),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            permissions: permissions.into_iter().map(str::to_owned).collect(),
            events: authority.by.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Whether the person is locked out.
#[derive(Object)]
struct Lock {
    locked: bool,
}

#[OpenApi(tag = "Tag::Users")]
impl People {
    /// People of the tenant, newest first
    #[oai(path = "/users", method = "get", operation_id = "users")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn users(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// How the e-mail address, the username or the full name begins.
        search: Query<Option<String>>,
        status: Query<Option<String>>,
        role: Query<Option<String>>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Person>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::MANAGE_USERS)?;
        let page = page(number.0, limit.0)?;
        let beginning = search.0.map(|text| {
            bounded_text(&text, 1, 255)
                .map_err(|violation| Problem::invalid_field("search", violation))
        });
        let filter = Filter {
            beginning: beginning.transpose()?,
            status: status.0.map(|text| word("status", text, &STATUSES)).transpose()?,
            role: role.0.map(|text| word("role", text, &ROLES)).transpose()?,
        };
        caught_up(&self.readers, users::Users::NAME, min_position.0).await?;
        let found = self.readers.users(actor.tenant(), &filter, page).await?;
        let now = self.commands.store.clock().now();
        let shown = found.items.into_iter().map(|row| Person::of(row, now)).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }

    /// What everybody may know of somebody
    #[oai(path = "/users/:id", method = "get", operation_id = "user")]
    async fn user(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A position of the log or an RFC 3339 time: who they were then. What has been erased since
        /// is null.
        #[oai(name = "asOf")]
        as_of: Query<Option<String>>,
    ) -> Result<Found<PublicUser>, Problem> {
        caught_up(&self.readers, users::Users::NAME, min_position.0).await?;
        let (tenant, user) = (caller.0.tenant(), user(&id.0)?);
        let (mut erased, (row, made_of)) = match as_of.0 {
            Some(then) => {
                let past = rebuilt(&self.past, &then, |at| self.past.user(tenant, user, at));
                let past = shown(&self.ledger, past.await?).await?;
                // Who they were then does not say what has become of them since.
                let now = self.past.head().await?.to_string();
                let now = rebuilt(&self.past, &now, |at| self.past.authority(tenant, user, at));
                (now.await?.is_some_and(|now| now.row.account.account().is_err()), past)
            }
            None => (false, (self.readers.user(tenant, user).await?, None)),
        };
        let row = row.ok_or_else(|| Problem::new(ErrorCode::UserNotFound))?;
        erased |= row.status == "ERASED";
        Ok(Found::new(PublicUser {
            id: row.user_id.to_string(),
            username: row.username,
            erased,
            registered_at: written(row.registered_at),
        })
        .made_of(made_of))
    }

    /// What somebody may do, or could do then
    ///
    /// For themselves, and for those who manage people or read the audit. `events` are the positions
    /// that made it so; `madeOf` proves each.
    #[oai(path = "/users/:id/permissions", method = "get", operation_id = "user_permissions")]
    async fn user_permissions(
        &self,
        caller: Caller,
        id: Path<String>,
        /// A position of the log or an RFC 3339 time; now if left out.
        #[oai(name = "asOf")]
        as_of: Query<Option<String>>,
    ) -> Result<Found<Permissions>, Problem> {
        let (actor, user) = (caller.0, user(&id.0)?);
        if actor.user() != Some(user) && !actor.may(Permission::READ_AUDIT) {
            must_be_allowed(&actor, Permission::MANAGE_USERS)?;
        }
        let then = match as_of.0 {
            Some(then) => then,
            None => self.past.head().await?.to_string(),
        };
        let tenant = actor.tenant();
        let past = rebuilt(&self.past, &then, |at| self.past.authority(tenant, user, at)).await?;
        let (authority, made_of) = shown(&self.ledger, past).await?;
        let authority = authority.ok_or_else(|| Problem::new(ErrorCode::UserNotFound))?;
        Ok(Found::new(Permissions::of(&authority)).made_of(made_of))
    }

    /// Suspend a person, switch an account off, or let them in again
    ///
    /// Whoever may not come in any more is signed out at once.
    #[oai(path = "/users/:id/status", method = "put", operation_id = "change_user_status")]
    async fn change_user_status(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<StatusBody>,
    ) -> Result<Found<StatusChanged>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.change_user_status(&asked, user(&id.0)?, body.value).await?;
        let ended_sessions = done.answer.ended_sessions;
        let status = body.value.name().to_owned();
        Ok(Found::new(StatusChanged { status, ended_sessions }).done(&done))
    }

    /// Erase a person
    #[oai(path = "/users/:id", method = "delete", operation_id = "erase_user")]
    async fn erase_user(&self, caller: Caller, id: Path<String>) -> Result<Found<Gone>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let done = self.commands.erase_user(&asked, user(&id.0)?).await?;
        Ok(Found::new(Gone::of(done.answer.ended_sessions)).done(&done))
    }

    /// Lock a person out for half an hour
    #[oai(path = "/users/:id/lock", method = "put", operation_id = "lock_user")]
    async fn lock_user(&self, caller: Caller, id: Path<String>) -> Result<Found<Lock>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let done = self.commands.lock_user(&asked, user(&id.0)?).await?;
        Ok(Found::new(Lock { locked: true }).done(&done))
    }

    /// Let a person in again who was locked out
    #[oai(path = "/users/:id/lock", method = "delete", operation_id = "unlock_user")]
    async fn unlock_user(&self, caller: Caller, id: Path<String>) -> Result<Found<Lock>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let done = self.commands.unlock_user(&asked, user(&id.0)?).await?;
        Ok(Found::new(Lock { locked: false }).done(&done))
    }
}

const STATUSES: [&str; 5] = ["PENDING", "ACTIVE", "SUSPENDED", "INACTIVE", "ERASED"];
const ROLES: [&str; 2] = ["member", "administrator"];

impl Person {
    fn of(row: UserRow, now: Moment) -> Self {
        let locked_until = row.locked_until.map(written);
        let over = |until: &String| Moment::parse(until).is_none_or(|until| until <= now);
        Self { locked_until: locked_until.filter(|until| !over(until)), user: row.into() }
    }
}

/// What is no id is nobody's.
fn user(id: &str) -> Result<UserId, Problem> {
    id.parse().map_err(|_| Problem::new(ErrorCode::UserNotFound))
}
