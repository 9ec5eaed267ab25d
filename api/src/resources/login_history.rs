//! Who came into a person's account, and who tried to.

use domain::violation::Violation;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::login_history::{self, FAILED, Filter, LoginRow, SUCCESS};
use projections::{Projection, Readers};

use super::{Tag, written};
use crate::http::authentication::Caller;
use crate::http::envelope::{Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page, time, word};

pub struct LoginHistory {
    pub readers: Readers,
}

/// A sign-in, or an attempt at one.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Login {
    at: String,
    /// SUCCESS, or FAILED: the password was wrong.
    status: String,
    session_id: Option<String>,
    device_id: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
}

impl From<LoginRow> for Login {
    fn from(row: LoginRow) -> Self {
        Self {
            at: written(row.at),
            status: row.status,
            session_id: row.session_id.map(|id| id.to_string()),
            device_id: row.device_id.map(|id| id.to_string()),
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

#[OpenApi(tag = "Tag::Auth")]
impl LoginHistory {
    /// My sign-ins and the attempts at my account, newest first
    #[oai(path = "/auth/login-history", method = "get", operation_id = "login_history")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn login_history(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// RFC 3339.
        #[oai(name = "startDate")]
        start: Query<Option<String>>,
        /// RFC 3339; not included.
        #[oai(name = "endDate")]
        end: Query<Option<String>>,
        /// SUCCESS or FAILED.
        status: Query<Option<String>>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Login>>, Problem> {
        let actor = caller.0;
        let user = actor.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let page = page(number.0, limit.0)?;
        let filter = Filter {
            from: start.0.map(|text| time("startDate", &text)).transpose()?,
            until: end.0.map(|text| time("endDate", &text)).transpose()?,
            status: status.0.map(|text| word("status", text, &[SUCCESS, FAILED])).transpose()?,
        };
        if filter.from.zip(filter.until).is_some_and(|(from, until)| until < from) {
            let earlier = Violation::OutOfRange("startDate".to_owned(), "ever".to_owned());
            return Err(Problem::invalid_field("endDate", earlier));
        }
        caught_up(&self.readers, login_history::LoginHistory::NAME, min_position.0).await?;
        let found = self.readers.login_history(actor.tenant(), user, &filter, page).await?;
        let shown = found.items.into_iter().map(Login::from).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }

    /// My sign-in before this one
    ///
    /// Null if this is the first.
    #[oai(path = "/users/me/last-login", method = "get", operation_id = "last_login")]
    async fn last_login(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<Option<Login>>, Problem> {
        caught_up(&self.readers, login_history::LoginHistory::NAME, min_position.0).await?;
        let actor = caller.0;
        let unauthorized = || Problem::new(ErrorCode::Unauthorized);
        let user = actor.user().ok_or_else(unauthorized)?;
        let session = actor.session().ok_or_else(unauthorized)?;
        let row = self.readers.last_login(actor.tenant(), user, session).await?;
        Ok(Found::new(row.map(Login::from)))
    }
}
