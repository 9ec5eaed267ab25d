//! What an administrator should look at.

use domain::permission::Permission;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::alerts::{self, ACCOUNT_LOCKED, AlertRow, TOKEN_REUSED};
use projections::{Projection, Readers};

use super::{Tag, written};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::envelope::{Found, Pagination};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page, word};

pub struct Alerts {
    pub readers: Readers,
}

/// Something that should not happen to somebody who is careful.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Alert {
    /// The position of the event that says so.
    id: String,
    /// TOKEN_REUSED: a refresh token was shown again that had been changed. ACCOUNT_LOCKED: too many
    /// wrong passwords.
    kind: String,
    user_id: String,
    session_id: Option<String>,
    at: String,
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        Self {
            id: row.position.to_string(),
            kind: row.kind,
            user_id: row.user_id.to_string(),
            session_id: row.session_id.map(|id| id.to_string()),
            at: written(row.at),
        }
    }
}

#[OpenApi(tag = "Tag::Security")]
impl Alerts {
    /// Alerts of the tenant, newest first
    #[oai(path = "/security/alerts", method = "get", operation_id = "alerts")]
    async fn alerts(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// TOKEN_REUSED or ACCOUNT_LOCKED.
        kind: Query<Option<String>>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Alert>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_SECURITY)?;
        let page = page(number.0, limit.0)?;
        let kinds = [TOKEN_REUSED, ACCOUNT_LOCKED];
        let kind = kind.0.map(|text| word("kind", text, &kinds)).transpose()?;
        caught_up(&self.readers, alerts::Alerts::NAME, min_position.0).await?;
        let found = self.readers.alerts(actor.tenant(), kind.as_deref(), page).await?;
        let shown = found.items.into_iter().map(Alert::from).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }
}
