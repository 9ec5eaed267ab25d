//! The envelope: the JSON text of an event as it is stored, hashed and published, byte for byte.

use domain::id::{SessionId, TenantId};
use domain::moment::Moment;
use domain::permission::{Actor, ActorType};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The circumstances of a command, which every event of it carries.
#[derive(Clone, Debug)]
pub struct Context {
    pub actor: Actor,
    /// Ties together everything that one request set off.
    pub correlation_id: String,
    /// What made this command happen: a request, or the event a reaction answered.
    pub causation_id: String,
    pub traceparent: Option<String>,
}

impl Context {
    /// The context of one of our own processes answering something.
    pub fn system(tenant: TenantId, name: &'static str, correlation: &str, cause: &str) -> Self {
        Self {
            actor: Actor::System { tenant, name },
            correlation_id: correlation.to_owned(),
            causation_id: cause.to_owned(),
            traceparent: None,
        }
    }

    pub fn tenant(&self) -> TenantId {
        self.actor.tenant()
    }
}

/// An envelope as it is written. Field order is the order in the text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Draft<'a> {
    /// 16 random bytes: without them, the hash of a guessable event could be guessed.
    pub salt: &'a str,
    pub tenant: TenantId,
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
    pub sequence: i64,
    #[serde(rename = "type")]
    pub event_type: &'a str,
    pub schema_version: i32,
    pub data: &'a RawValue,
    pub metadata: &'a Metadata,
}

impl Draft<'_> {
    pub fn to_text(&self) -> serde_json::Result<String> {
        // About what all but the data takes.
        let mut text = Vec::with_capacity(512 + self.data.get().len());
        serde_json::to_writer(&mut text, self)?;
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }
}

/// Who, why and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub actor: String,
    pub actor_type: ActorType,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_id: Option<SessionId>,
    pub correlation_id: String,
    pub causation_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<String>,
    /// A keyed digest, hex. Clients choose their keys, and what they put in is not for the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub idempotency_key: Option<String>,
    pub occurred_at: Moment,
}

impl Metadata {
    pub(crate) fn of(context: &Context, key_digest: Option<String>, now: Moment) -> Self {
        Self {
            actor: context.actor.name(),
            actor_type: context.actor.actor_type(),
            session_id: context.actor.session(),
            correlation_id: context.correlation_id.clone(),
            causation_id: context.causation_id.clone(),
            traceparent: context.traceparent.clone(),
            idempotency_key: key_digest,
            occurred_at: now,
        }
    }
}

/// An envelope as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<'a> {
    pub tenant: TenantId,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    #[serde(rename = "type")]
    pub event_type: String,
    pub schema_version: i32,
    #[serde(borrow)]
    pub data: &'a RawValue,
    pub metadata: Metadata,
}
