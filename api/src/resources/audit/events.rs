//! The log itself, as far as it is the tenant's: every event as it was written, references to what
//! is personal included, and nothing opened.

use domain::id::TenantId;
use domain::permission::{ActorType, Permission};
use domain::violation::Violation;
use eventstore::Recorded;
use eventstore::journal::{Journal, JournalError};
use poem_openapi::param::Query;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use projections::PastError;
use serde_json::Value;

use super::{Bounds, Stretch, cursor, in_time, name};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::envelope::{Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::page;
use crate::resources::Tag;

/// How many events one request looks at; a filter may let none of them through.
const LOOKED_AT: usize = 2_000;
const BATCH: i64 = 200;

pub struct AuditEvents {
    pub journal: Journal,
}

/// An event as it stands in the log.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct LoggedEvent {
    pub(super) position: String,
    /// Dense within the tenant: nothing was left out.
    tenant_position: String,
    recorded_at: String,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    #[oai(rename = "type")]
    pub(super) event_type: String,
    schema_version: i32,
    /// user, system or anonymous.
    actor_type: String,
    actor: String,
    session_id: Option<String>,
    correlation_id: String,
    causation_id: String,
    occurred_at: String,
    data: Any<Value>,
}

impl LoggedEvent {
    pub(super) fn of(event: &Recorded) -> Result<Self, JournalError> {
        let metadata = &event.metadata;
        Ok(Self {
            position: event.position.to_string(),
            tenant_position: event.tenant_position.to_string(),
            recorded_at: event.recorded_at.to_string(),
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            actor_type: match metadata.actor_type {
                ActorType::Anonymous => "anonymous",
                ActorType::User => "user",
                ActorType::System => "system",
            }
            .to_owned(),
            actor: metadata.actor.clone(),
            session_id: metadata.session_id.map(|id| id.to_string()),
            correlation_id: metadata.correlation_id.clone(),
            causation_id: metadata.causation_id.clone(),
            occurred_at: metadata.occurred_at.to_string(),
            data: Any(event.data()?),
        })
    }
}

/// Which events.
struct Filter {
    aggregate_type: Option<String>,
    aggregate_id: Option<String>,
    event_type: Option<String>,
    actor: Option<String>,
}

impl Filter {
    fn lets_through(&self, event: &Recorded) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|it| it == is);
        fits(&self.aggregate_type, &event.aggregate_type)
            && fits(&self.aggregate_id, &event.aggregate_id)
            && fits(&self.event_type, &event.event_type)
            && fits(&self.actor, &event.metadata.actor)
    }

    /// The stream, if one is named.
    fn stream(&self) -> Option<(&str, &str)> {
        self.aggregate_type.as_deref().zip(self.aggregate_id.as_deref())
    }
}

#[OpenApi(tag = "Tag::Audit")]
impl AuditEvents {
    /// The events of the tenant, newest first
    ///
    /// Page on with `cursor`, the `nextCursor` of the page before, as long as there is one: a request
    /// looks at 2 000 events at most, so that a page may be short, or empty, and not the last.
    /// `total` is what is on the page. What is personal is a reference and is not opened.
    #[oai(path = "/audit/events", method = "get", operation_id = "audit_events")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn audit_events(
        &self,
        caller: Caller,
        /// The caller's own, if left out; others for auditors of the platform's own tenant.
        tenant: Query<Option<String>>,
        #[oai(name = "aggregateType")] aggregate_type: Query<Option<String>>,
        /// Wants `aggregateType`.
        #[oai(name = "aggregateId")]
        aggregate_id: Query<Option<String>>,
        #[oai(name = "type")] event_type: Query<Option<String>>,
        /// A user's id, or a process's name.
        actor: Query<Option<String>>,
        /// RFC 3339, as recorded.
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
    ) -> Result<Found<Vec<LoggedEvent>>, Problem> {
        let reader = caller.0;
        must_be_allowed(&reader, Permission::READ_AUDIT)?;
        let tenant = tenant.0.map(|id| id.parse()).transpose();
        let malformed = |_| Problem::invalid_field("tenant", Violation::MalformedId);
        let tenant = tenant.map_err(malformed)?.unwrap_or_else(|| reader.tenant());
        if ![tenant, TenantId::PLATFORM].contains(&reader.tenant()) {
            return Err(Problem::new(ErrorCode::PermissionDenied));
        }
        let size = page(None, limit.0)?.size;
        let after = cursor(after.0)?;
        let filter = Filter {
            aggregate_type: name("aggregateType", aggregate_type.0)?,
            aggregate_id: name("aggregateId", aggregate_id.0)?,
            event_type: name("type", event_type.0)?,
            actor: name("actor", actor.0)?,
        };
        if filter.aggregate_id.is_some() && filter.aggregate_type.is_none() {
            return Err(Problem::invalid_field("aggregateType", Violation::Required));
        }
        let bounds = Bounds { start: start.0, end: end.0, from: from.0, to: to.0 };
        let mut stretch = bounds.stretch(&self.journal).await?;
        stretch.before = super::least(stretch.before, after);
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let found = in_time(self.look(tenant, &filter, stretch, wanted)).await?;
        let next = found.next.map(|position| position.to_string());
        let shown: Result<Vec<_>, _> = found.events.iter().map(LoggedEvent::of).collect();
        let shown = shown.map_err(PastError::from)?;
        let total = i64::try_from(shown.len()).unwrap_or(i64::MAX);
        Ok(Found::new(shown).paged(Pagination::by_cursor(size, total, next)))
    }
}

/// What was found, and before which position to look on.
struct Look {
    events: Vec<Recorded>,
    next: Option<i64>,
}

impl AuditEvents {
    async fn look(
        &self,
        tenant: TenantId,
        filter: &Filter,
        stretch: Stretch,
        wanted: usize,
    ) -> Result<Look, Problem> {
        let from = stretch.from.unwrap_or(0);
        let mut before = stretch.before.unwrap_or(i64::MAX);
        let (mut events, mut looked_at) = (Vec::new(), 0);
        while looked_at < LOOKED_AT {
            let batch =
                self.journal.of_tenant(tenant, filter.stream(), (from, before), BATCH).await;
            let batch = batch.map_err(PastError::from)?;
            if batch.is_empty() {
                return Ok(Look { events, next: None });
            }
            for event in batch {
                if events.len() == wanted {
                    return Ok(Look { events, next: Some(before) });
                }
                before = event.position;
                looked_at += 1;
                if filter.lets_through(&event) {
                    events.push(event);
                }
            }
        }
        Ok(Look { events, next: Some(before) })
    }
}
