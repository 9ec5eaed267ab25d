//! What one command wants written: events on streams, conditions, claims, an idempotency key. All
//! of it happens, or none.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::hmac;
use cqrs_es::DomainEvent;
use cqrs_es::persist::SerializedEvent;
use domain::command::Root;
use domain::id::{TenantId, UserId};
use domain::moment::Moment;
use domain::personal::Purpose;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::cache::Cache;
use crate::envelope::Context;
use crate::recorded::{Undecodable, decode};
use crate::store::Loaded;
use crate::vault::{Drawer, VaultError};

/// A name that only one aggregate of a tenant may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind of name, for example `user.email`.
    pub kind: &'static str,
    /// A keyed digest of the name: the name itself is personal data.
    pub digest: Vec<u8>,
    /// The aggregate that wants it.
    pub holder: String,
    /// It is the holder's, who gives it up.
    pub let_go: bool,
}

/// A key the client chose, so that asking twice does once. What is kept is a keyed digest of the
/// key and of the request: clients put into keys what they like, and requests hold passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Names the key, in the table and in the log.
    pub key: String,
    /// Tells this request from another one under the same key.
    pub request_digest: Vec<u8>,
}

/// The secret under which keys and requests are digested.
pub struct IdempotencySecret(hmac::Key);

impl IdempotencySecret {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The key as it is kept. `request` is everything that makes two requests the same.
    pub fn key(&self, chosen: &str, request: &[u8]) -> IdempotencyKey {
        let digest = |label: &[u8], of: &[u8]| hmac::sign(&self.0, &[label, of].concat());
        IdempotencyKey {
            key: hex::encode(digest(b"key/", chosen.as_bytes())),
            request_digest: digest(b"request/", request).as_ref().to_vec(),
        }
    }
}

/// Everything one command wants written.
pub struct Commit<'a> {
    pub(crate) context: &'a Context,
    pub(crate) now: Moment,
    pub(crate) parts: Vec<Box<dyn Part>>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) key: Option<(IdempotencyKey, String)>,
    pub(crate) erased: Vec<Drawer>,
}

/// A stream that must still be where it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Condition {
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    pub expected: i64,
}

impl<'a> Commit<'a> {
    pub fn new(context: &'a Context, now: Moment) -> Self {
        let (parts, conditions, claims) = (Vec::new(), Vec::new(), Vec::new());
        Self { context, now, parts, conditions, claims, key: None, erased: Vec::new() }
    }

    /// Events for the stream that was loaded. It must not have moved since.
    pub fn append<A: Root>(mut self, loaded: &Loaded<A>, events: Vec<A::Event>) -> Self {
        if !events.is_empty() {
            self.parts.push(Box::new(Append { loaded: loaded.clone(), events }));
        }
        self
    }

    /// A stream that was only read must not have moved either.
    pub fn expecting<A: Root>(mut self, loaded: &Loaded<A>) -> Self {
        self.conditions.push(Condition {
            aggregate_type: A::TYPE,
            aggregate_id: loaded.id.clone(),
            expected: loaded.sequence,
        });
        self
    }

    pub fn claiming(mut self, claims: Vec<Claim>) -> Self {
        self.claims.extend(claims);
        self
    }

    /// Destroys what is sealed for a person under these purposes, and lets go of their names.
    pub fn erasing(mut self, subject: UserId, purposes: &[Purpose]) -> Self {
        let tenant = self.context.tenant();
        self.erased.extend(purposes.iter().map(|purpose| Drawer {
            tenant,
            subject,
            purpose: *purpose,
        }));
        self
    }

    /// The answer to give again if this key comes again.
    pub fn answering(mut self, key: Option<IdempotencyKey>, answer: String) -> Self {
        self.key = key.map(|key| (key, answer));
        self
    }
}

/// Where a commit stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The position of the last event: what a reader has to have seen.
    pub position: i64,
}

#[derive(Debug, Error)]
pub enum CommitError {
    #[error("another command was faster")]
    Stale,
    #[error("{} is held by somebody else", .0.join(", "))]
    Claimed(Vec<String>),
    #[error("this was asked before")]
    Repeated { answer: String, position: i64 },
    #[error("the idempotency key was used for another request")]
    Mismatched,
    #[error("the event store does not answer")]
    Unavailable,
    #[error("the event store refused the append: {0}")]
    Refused(String),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

/// An event on its way into an envelope.
pub(crate) struct Draft {
    pub event_type: String,
    pub schema_version: i32,
    pub data: Box<RawValue>,
}

/// The events of one stream, with the aggregate's type forgotten.
pub(crate) trait Part: Send + Sync {
    fn tenant(&self) -> TenantId;
    fn condition(&self) -> Condition;
    fn drafts(&self) -> Result<Vec<Draft>, CommitError>;
    /// Folds what was stored into the state and remembers it. `stored` has a datum for each event
    /// that was changed by sealing.
    fn settle(self: Box<Self>, stored: Vec<Option<Box<RawValue>>>, cache: &Cache) -> Settled;
}

/// A stream after its commit.
pub(crate) struct Settled {
    pub snapshot: Option<Box<dyn FnOnce(sqlx::PgPool) + Send>>,
}

struct Append<A: Root> {
    loaded: Loaded<A>,
    events: Vec<A::Event>,
}

#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

impl<A: Root> Part for Append<A> {
    fn tenant(&self) -> TenantId {
        self.loaded.tenant
    }

    fn condition(&self) -> Condition {
        Condition {
            aggregate_type: A::TYPE,
            aggregate_id: self.loaded.id.clone(),
            expected: self.loaded.sequence,
        }
    }

    fn drafts(&self) -> Result<Vec<Draft>, CommitError> {
        let unwritable = |reason: &dyn std::fmt::Display| {
            let mut text = String::from("an event has no JSON form: ");
            let _ = write!(text, "{reason}");
            CommitError::Refused(text)
        };
        self.events
            .iter()
            .map(|event| {
                let text = serde_json::to_string(event).map_err(|error| unwritable(&error))?;
                let tagged: Tagged<'_> =
                    serde_json::from_str(&text).map_err(|error| unwritable(&error))?;
                Ok(Draft {
                    event_type: event.event_type(),
                    schema_version: event
                        .event_version()
                        .parse()
                        .map_err(|error| unwritable(&error))?,
                    data: tagged.data.to_owned(),
                })
            })
            .collect()
    }

    fn settle(self: Box<Self>, stored: Vec<Option<Box<RawValue>>>, cache: &Cache) -> Settled {
        let Self { loaded, events } = *self;
        let sequence = loaded.sequence + i64::try_from(events.len()).unwrap_or(i64::MAX);
        let mut state = Arc::unwrap_or_clone(loaded.state);
        for (event, sealed) in events.into_iter().zip(stored) {
            let event = match sealed {
                None => event,
                Some(data) => match as_stored::<A>(&event, &data) {
                    Ok(event) => event,
                    Err(error) => {
                        // It is committed; only our memory of it is not. The next load reads it.
                        tracing::error!(%error, "an event could not be read back");
                        return Settled { snapshot: None };
                    }
                },
            };
            state.apply(event);
        }
        let state = Arc::new(state);
        cache.put(loaded.tenant, &loaded.id, sequence, Arc::clone(&state));
        let due = crate::snapshots::due(loaded.sequence, sequence);
        Settled {
            snapshot: due.then(|| {
                let take = move |pool| {
                    let write =
                        crate::snapshots::write(pool, loaded.tenant, loaded.id, sequence, state);
                    tokio::spawn(write);
                };
                Box::new(take) as Box<dyn FnOnce(sqlx::PgPool) + Send>
            }),
        }
    }
}

/// The event as whoever reads the log will see it: personal data as references.
fn as_stored<A: Root>(event: &A::Event, data: &RawValue) -> Result<A::Event, Undecodable> {
    let unreadable = |error: serde_json::Error| Undecodable::Event {
        event_type: event.event_type(),
        version: event.event_version(),
        reason: error.to_string(),
    };
    decode(SerializedEvent::new(
        String::new(),
        0,
        A::TYPE.to_owned(),
        event.event_type(),
        event.event_version(),
        serde_json::from_str(data.get()).map_err(unreadable)?,
        serde_json::Value::Null,
    ))
}
