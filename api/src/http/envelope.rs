//! The envelope of every success, and the headers that say where in the log it stands.

use eventstore::ledger::read::Ledger;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

use super::conversation::Conversation;
use super::problem::Problem;
use super::proofs::{Proofs, ProvenPosition};

pub const SERVICE: &str = "caskchain";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every answer says of itself.
#[derive(Object, Clone, Debug)]
#[oai(rename_all = "camelCase")]
pub struct Metadata {
    pub request_id: String,
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Milliseconds from the request to the answer.
    pub duration: u64,
    pub version: String,
    pub service: String,
}

impl Metadata {
    pub fn of(conversation: Option<&Conversation>) -> Self {
        Self {
            request_id: conversation.map_or_else(String::new, |c| c.request_id.clone()),
            timestamp: conversation.map_or_else(String::new, |c| c.clock.now().to_string()),
            duration: conversation
                .map_or(0, |c| u64::try_from(c.started.elapsed().as_millis()).unwrap_or(u64::MAX)),
            version: VERSION.to_owned(),
            service: SERVICE.to_owned(),
        }
    }
}

/// Where in a list a page stands.
#[derive(Object, Clone, Debug)]
#[oai(rename_all = "camelCase")]
pub struct Pagination {
    pub page: u32,
    pub page_size: u32,
    pub total: i64,
    pub total_pages: i64,
    pub has_next: bool,
    pub has_prev: bool,
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

impl Pagination {
    pub fn of(page: projections::page::Page, total: i64) -> Self {
        let size = i64::from(page.size.max(1));
        let total_pages = (total + size - 1) / size;
        Self {
            page: page.number,
            page_size: page.size,
            total,
            total_pages,
            has_next: i64::from(page.number) < total_pages,
            has_prev: page.number > 1,
            next_cursor: None,
        }
    }

    /// The same, if whether there is more is known better than by what was counted.
    #[must_use]
    pub fn reading_on(mut self, next: Option<String>) -> Self {
        self.has_next = next.is_some();
        self.next_cursor = next;
        self
    }

    /// A list that is read on from where a page ended.
    pub fn by_cursor(size: u32, total: i64, next: Option<String>) -> Self {
        let has_next = next.is_some();
        let first = projections::page::Page { number: 1, size };
        Self { has_next, has_prev: false, next_cursor: next, ..Self::of(first, total) }
    }
}

/// Of a read of the past: what it was made of.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct MadeOf {
    /// The position up to which the log was read.
    position: String,
    /// How many events made it so.
    count: u64,
    /// A signed head of the log (C2SP tlog-checkpoint), which the paths lead to; null before the first.
    checkpoint: Option<String>,
    /// The last hundred of them, oldest first. `/ledger/receipts/{position}/event` is the text of one.
    events: Vec<ProvenPosition>,
}

/// Of the events that an answer was made of, so many are named: each wants a proof.
const NAMED: usize = 100;

impl MadeOf {
    /// Of one stream, or of several.
    pub async fn of(ledger: &Ledger, position: i64, mut events: Vec<i64>) -> Result<Self, Problem> {
        events.sort_unstable();
        let named = &events[events.len().saturating_sub(NAMED)..];
        let Proofs { checkpoint, events: proven } = Proofs::of(ledger, named).await?;
        let (position, count) = (position.to_string(), events.len() as u64);
        Ok(Self { position, count, checkpoint, events: proven })
    }
}

#[derive(Object)]
struct Envelope<T: ParseFromJSON + ToJSON + Type + Send + Sync> {
    success: bool,
    data: T,
    #[oai(skip_serializing_if_is_none)]
    pagination: Option<Pagination>,
    #[oai(skip_serializing_if_is_none, rename = "madeOf")]
    made_of: Option<MadeOf>,
    metadata: Metadata,
}

/// A success with its status.
pub struct Success<T, const STATUS: u16> {
    data: T,
    pagination: Option<Pagination>,
    made_of: Option<MadeOf>,
    headers: Vec<(&'static str, String)>,
}

/// 200: here it is.
pub type Found<T> = Success<T, 200>;
/// 201: it exists now, at `Location`.
pub type Created<T> = Success<T, 201>;
/// 202: work goes on; `Location` says where to look.
pub type Accepted<T> = Success<T, 202>;

impl<T, const STATUS: u16> Success<T, STATUS> {
    pub fn new(data: T) -> Self {
        Self { data, pagination: None, made_of: None, headers: Vec::new() }
    }

    #[must_use]
    pub fn paged(mut self, pagination: Pagination) -> Self {
        self.pagination = Some(pagination);
        self
    }

    /// What of the past it was made of, if it is of the past.
    #[must_use]
    pub fn made_of(mut self, made_of: Option<MadeOf>) -> Self {
        self.made_of = made_of;
        self
    }

    /// The sequence of the aggregate, for `If-Match`.
    #[must_use]
    pub fn at_sequence(self, sequence: i64) -> Self {
        self.with("ETag", format!("\"{sequence}\""))
    }

    #[must_use]
    pub fn at(self, location: String) -> Self {
        self.with("Location", location)
    }

    /// A browser keeps it as a file.
    #[must_use]
    pub fn as_file(self, name: &str) -> Self {
        self.with("Content-Disposition", format!("attachment; filename=\"{name}\""))
    }

    /// Whether the command had been done before.
    #[must_use]
    pub fn replayed(self, repeated: bool) -> Self {
        if repeated { self.with("Idempotency-Replayed", "true".to_owned()) } else { self }
    }

    /// Where the command stands in the log, and whether it had been done before.
    #[must_use]
    pub fn done<A>(self, done: &commands::Done<A>) -> Self {
        let told = match done.sequence {
            Some(sequence) => self.at_sequence(sequence),
            None => self,
        };
        let told = told.with("X-Position", done.position.to_string());
        told.replayed(done.repeated)
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl<T, const STATUS: u16> IntoResponse for Success<T, STATUS>
where
    T: ParseFromJSON + ToJSON + Type + Send + Sync,
{
    fn into_response(self) -> Response {
        let envelope = Envelope {
            success: true,
            data: self.data,
            pagination: self.pagination,
            made_of: self.made_of,
            metadata: Metadata::of(Conversation::current().as_ref()),
        };
        let mut response = Json(envelope).into_response();
        response.set_status(StatusCode::from_u16(STATUS).unwrap_or_default());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl<T, const STATUS: u16> ApiResponse for Success<T, STATUS>
where
    T: ParseFromJSON + ToJSON + Type + Send + Sync,
{
    fn meta() -> MetaResponses {
        let described = |name: &str, description: &str| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required: false,
            deprecated: false,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
        };
        let mut headers = vec![
            described("X-Request-Id", "The id of this request."),
            described("X-Position", "Commands: the position of the command's last event."),
            described("ETag", "The aggregate's sequence, for If-Match."),
        ];
        if STATUS != 200 {
            headers.push(described("Location", "Where it is to be found."));
        }
        MetaResponses {
            responses: vec![MetaResponse {
                description: match STATUS {
                    201 => "It exists now.",
                    202 => "Accepted; work goes on.",
                    _ => "Here it is.",
                },
                status: Some(STATUS),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "application/json",
                    schema: <Json<Envelope<T>> as Payload>::schema_ref(),
                }],
                headers,
            }],
        }
    }

    fn register(registry: &mut Registry) {
        Envelope::<T>::register(registry);
    }
}
