//! The log as it grows: server-sent events, as the HTML standard has them (section 9.2), resumed by the
//! last one's id.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use domain::id::{SessionId, TenantId};
use domain::permission::Permission;
use eventstore::Recorded;
use eventstore::journal::{Journal, JournalError};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use poem::web::sse::Event;
use poem_openapi::OpenApi;
use poem_openapi::param::Header;
use poem_openapi::payload::EventStream;
use poem_openapi::types::ToJSON;
use projections::{PastError, Revocations};

use super::events::LoggedEvent;
use super::places::{Place, Places};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::position;
use crate::resources::Tag;

/// Each looks into the log twice a second.
const AT_ONCE: usize = 64;
const OF_A_TENANT: usize = 4;
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// So that whoever is between keeps the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// As long as an access token may be believed. Browsers come again by themselves.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// Events read at once.
const PAGE: i64 = 200;

pub struct AuditStream {
    journal: Journal,
    revocations: Revocations,
    places: Places,
}

impl AuditStream {
    pub fn new(journal: Journal, revocations: Revocations) -> Self {
        Self { journal, revocations, places: Places::new(AT_ONCE, OF_A_TENANT) }
    }
}

#[OpenApi(tag = "Tag::Audit")]
impl AuditStream {
    /// The events of the tenant as they are written, oldest first
    ///
    /// Server-sent events. The id of each is its position, its event the type, its data what
    /// `/audit/events` shows of it. Begins after the event `Last-Event-ID` names, or with the next one;
    /// nothing is left out between, and `tenantPosition` proves it. Ends after a quarter of an hour, and
    /// when the session does: come again with the last id. 503 when a tenant has four already.
    #[oai(path = "/events/stream", method = "get", operation_id = "event_stream")]
    async fn event_stream(
        &self,
        caller: Caller,
        #[oai(name = "Last-Event-ID")] last: Header<Option<String>>,
    ) -> Result<EventStream<BoxStream<'static, LoggedEvent>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_AUDIT)?;
        let from = match last.0 {
            Some(text) => position("Last-Event-ID", &text)?.saturating_add(1),
            None => i64::MAX,
        };
        let tenant = actor.tenant();
        let place = self.places.take(tenant).ok_or_else(|| Problem::new(ErrorCode::ServerBusy))?;
        let next = self.journal.tenant_position_from(tenant, from).await;
        let listener = Listener {
            journal: self.journal.clone(),
            revocations: self.revocations.clone(),
            tenant,
            session: actor.session(),
            next: next.map_err(PastError::from)?,
            read: VecDeque::new(),
            ends: Instant::now() + LIFE,
            _place: place,
        };
        let to_event = |event: LoggedEvent| {
            Event::message(event.to_json_string())
                .id(event.position.clone())
                .event_type(event.event_type.clone())
        };
        Ok(EventStream::new(listener.events().boxed()).to_event(to_event).keep_alive(KEEP_ALIVE))
    }
}

/// Somebody who listens to a tenant's events.
struct Listener {
    journal: Journal,
    revocations: Revocations,
    tenant: TenantId,
    session: Option<SessionId>,
    /// Tenant position of the next event to read.
    next: i64,
    read: VecDeque<Recorded>,
    ends: Instant,
    _place: Place,
}

impl Listener {
    fn events(self) -> impl Stream<Item = LoggedEvent> + Send {
        stream::unfold(self, |mut listener| async move {
            let event = listener.event().await?;
            Some((event, listener))
        })
    }

    /// The next one, when it is there; none at the end.
    async fn event(&mut self) -> Option<LoggedEvent> {
        loop {
            if Instant::now() >= self.ends || self.is_revoked().await {
                return None;
            }
            if let Some(event) = self.read.pop_front() {
                let position = event.position;
                // What cannot be shown must not be left out in silence.
                return LoggedEvent::of(&event)
                    .inspect_err(|error| tracing::error!(position, %error, "a stream ends here"))
                    .ok();
            }
            match self.look().await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => {
                    tracing::warn!(%error, "a listener is sent away: the log is not read");
                    return None;
                }
            }
        }
    }

    /// Reads on; says whether there was anything.
    async fn look(&mut self) -> Result<bool, JournalError> {
        let events = self.journal.of_tenant_from(self.tenant, self.next, PAGE).await?;
        if let Some(last) = events.last() {
            self.next = last.tenant_position + 1;
        }
        self.read.extend(events);
        Ok(!self.read.is_empty())
    }

    async fn is_revoked(&self) -> bool {
        match self.session {
            // Where nobody can tell, nobody is shown anything on hope.
            Some(session) => self.revocations.contain(session).await.unwrap_or(true),
            None => false,
        }
    }
}
