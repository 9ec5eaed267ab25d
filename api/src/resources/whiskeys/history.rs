//! What happened to a cask, for its owner and for auditors.

use domain::permission::Permission;
use domain::violation::Violation;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use projections::whiskey_history::{self, HappenedRow};
use projections::{Projection, Readers, whiskeys};
use serde_json::Value;

use super::whiskey_id;
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::envelope::{Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};
use crate::resources::{Tag, written};

pub struct History {
    pub readers: Readers,
}

/// An event of a cask.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Happened {
    /// Where it stands in the log.
    position: String,
    #[oai(rename = "type")]
    event_type: String,
    at: String,
    /// user, system or anonymous.
    actor_type: String,
    /// A user's id, or a process's name.
    actor: String,
    data: Any<Value>,
}

impl From<HappenedRow> for Happened {
    fn from(row: HappenedRow) -> Self {
        Self {
            position: row.position.to_string(),
            event_type: row.event_type,
            at: written(row.at),
            actor_type: row.actor_type,
            actor: row.actor,
            data: Any(row.data.0),
        }
    }
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl History {
    /// The events of a cask, oldest first
    ///
    /// Page on with `cursor`, the `nextCursor` of the page before.
    #[oai(path = "/whiskeys/:id/history", method = "get", operation_id = "whiskey_history")]
    async fn whiskey_history(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        cursor: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Happened>>, Problem> {
        let (actor, id) = (caller.0, whiskey_id(&id.0)?);
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let size = page(None, limit.0)?.size;
        let after = after(cursor.0)?;
        // Whose it is stands in the one, what happened in the other.
        for name in [whiskeys::Whiskeys::NAME, whiskey_history::WhiskeyHistory::NAME] {
            caught_up(&self.readers, name, min_position.0.clone()).await?;
        }
        let row = self.readers.whiskey(actor.tenant(), id).await?;
        let row = row.ok_or_else(|| Problem::new(ErrorCode::WhiskeyNotFound))?;
        if actor.user().is_none_or(|user| user.value() != row.owner) {
            must_be_allowed(&actor, Permission::KEEP_WHISKEY)?;
        }
        // One more than asked for says whether there is more.
        let mut rows = self.readers.whiskey_history(actor.tenant(), id, after, size + 1).await?;
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| more).map(|row| row.position.to_string());
        let shown = rows.into_iter().map(Happened::from).collect();
        Ok(Found::new(shown).paged(Pagination::by_cursor(size, row.sequence, next)))
    }
}

/// The position that the page before ended at; one before the first if there was none.
pub(super) fn after(cursor: Option<String>) -> Result<i64, Problem> {
    let Some(text) = cursor else { return Ok(-1) };
    let malformed = || Problem::invalid_field("cursor", Violation::WrongType("a nextCursor"));
    text.parse().ok().filter(|position| *position >= 0).ok_or_else(malformed)
}
