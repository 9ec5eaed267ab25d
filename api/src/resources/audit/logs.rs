//! The audit log: who did what, when, from where, and what it changed.

use domain::permission::{Actor, Permission};
use eventstore::journal::Journal;
use eventstore::vault::Vault;
use poem_openapi::param::{Header, Query};
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use projections::audit_log::{AuditLog, AuditRow, Filter};
use projections::{PastError, Projection, Readers};
use serde_json::Value;
use sqlx::types::Json;

use super::{Bounds, cursor, in_time, name, opened};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::envelope::{Found, Pagination};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};
use crate::resources::{Tag, written};

pub struct AuditLogs {
    pub readers: Readers,
    pub journal: Journal,
    pub vault: Vault,
}

/// Something somebody did. What is personal is `{"personal": "contact"}`, with its `value` for who
/// may see it, or `"erased": true`.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AuditEntry {
    /// Of the event that says so.
    position: String,
    /// When it was recorded.
    at: String,
    /// user, system or anonymous.
    actor_type: String,
    /// A user's id, or a process's name.
    actor: String,
    session_id: Option<String>,
    /// The type of the event.
    action: String,
    /// user, session, device, tenant, whiskey, nft, lane, file or sign_in_guard.
    entity_type: String,
    entity_id: String,
    /// The fields that changed, as they were.
    before: Any<Value>,
    /// And as they are since.
    after: Any<Value>,
    origin: Option<Origin>,
}

/// Where it came from.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Origin {
    address: Any<Value>,
    user_agent: Any<Value>,
    /// event: it says so itself. session: this is where the session was opened from that it was done
    /// in.
    known_by: String,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let of_event = Origin::of(row.address, row.user_agent, "event");
        let of_session = || Origin::of(row.session_address, row.session_user_agent, "session");
        Self {
            position: row.position.to_string(),
            at: written(row.at),
            actor_type: row.actor_type,
            actor: row.actor,
            session_id: row.session_id.map(|id| id.to_string()),
            action: row.action,
            entity_type: row.entity_type,
            entity_id: row.entity_id,
            before: Any(row.before.0),
            after: Any(row.after.0),
            origin: of_event.or_else(of_session),
        }
    }
}

impl Origin {
    fn of(
        address: Option<Json<Value>>,
        user_agent: Option<Json<Value>>,
        known_by: &str,
    ) -> Option<Self> {
        if address.is_none() && user_agent.is_none() {
            return None;
        }
        let value = |datum: Option<Json<Value>>| Any(datum.map_or(Value::Null, |datum| datum.0));
        let known_by = known_by.to_owned();
        Some(Self { address: value(address), user_agent: value(user_agent), known_by })
    }
}

#[OpenApi(tag = "Tag::Audit")]
impl AuditLogs {
    /// What was done in the tenant, newest first
    ///
    /// Page on with `cursor`, the `nextCursor` of the page before; `total` is counted up to 10 000.
    /// E-mail addresses and names are shown to who may manage users, addresses and user agents to who
    /// may read alerts.
    #[oai(path = "/audit/logs", method = "get", operation_id = "audit_logs")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn audit_logs(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// A user's id, or a process's name.
        actor: Query<Option<String>>,
        /// The type of an event, such as whiskey.revalued.
        action: Query<Option<String>>,
        #[oai(name = "entityType")] entity_type: Query<Option<String>>,
        #[oai(name = "entityId")] entity_id: Query<Option<String>>,
        /// RFC 3339.
        #[oai(name = "startDate")]
        start: Query<Option<String>>,
        /// RFC 3339; not included.
        #[oai(name = "endDate")]
        end: Query<Option<String>>,
        #[oai(name = "fromPosition")] from: Query<Option<String>>,
        /// Included.
        #[oai(name = "toPosition")]
        to: Query<Option<String>>,
        #[oai(name = "cursor")] after: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<AuditEntry>>, Problem> {
        let reader = caller.0;
        must_be_allowed(&reader, Permission::READ_AUDIT)?;
        let size = page(None, limit.0)?.size;
        let after = cursor(after.0)?;
        let bounds = Bounds { start: start.0, end: end.0, from: from.0, to: to.0 };
        let (actor, action) = (name("actor", actor.0)?, name("action", action.0)?);
        let entity_type = name("entityType", entity_type.0)?;
        let entity_id = name("entityId", entity_id.0)?;
        caught_up(&self.readers, AuditLog::NAME, min_position.0).await?;
        let stretch = bounds.stretch(&self.journal).await?;
        let (from, before) = (stretch.from, stretch.before);
        let filter = Filter { actor, action, entity_type, entity_id, from, before };
        let found = self.readers.audit_log(reader.tenant(), &filter, after, size + 1).await?;
        let (mut rows, total) = found;
        // One more than asked for says whether there is more.
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| more).map(|row| row.position.to_string());
        self.open(&reader, &mut rows).await?;
        let shown = rows.into_iter().map(AuditEntry::from).collect();
        Ok(Found::new(shown).paged(Pagination::by_cursor(size, total, next)))
    }
}

impl AuditLogs {
    async fn open(&self, reader: &Actor, rows: &mut [AuditRow]) -> Result<(), Problem> {
        let mut values = Vec::new();
        for row in rows {
            values.extend([&mut row.before.0, &mut row.after.0]);
            let origin = [
                &mut row.address,
                &mut row.user_agent,
                &mut row.session_address,
                &mut row.session_user_agent,
            ];
            values.extend(origin.into_iter().flatten().map(|datum| &mut datum.0));
        }
        let opening = opened::open(&self.vault, reader.tenant(), reader, &mut values);
        in_time(async { Ok(opening.await.map_err(PastError::from)?) }).await
    }
}
