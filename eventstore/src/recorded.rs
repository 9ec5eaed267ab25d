//! An event as the log gives it back.

use cqrs_es::persist::SerializedEvent;
use cqrs_es::{Aggregate, DomainEvent};
use domain::id::TenantId;
use domain::moment::Moment;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::envelope::{Envelope, Metadata};

/// An event with everything the log knows of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: i64,
    pub tenant: TenantId,
    pub tenant_position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub schema_version: i32,
    pub recorded_at: Moment,
    pub metadata: Metadata,
    data: String,
    /// The stored bytes.
    pub envelope: String,
}

#[derive(Debug, Error)]
pub enum Undecodable {
    #[error("the envelope at position {position} cannot be read: {reason}")]
    Envelope { position: i64, reason: String },
    /// By the version it was stored in.
    #[error("{event_type} v{version} cannot be read: {reason}")]
    Event { event_type: String, version: String, reason: String },
}

/// What the log adds to an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub position: i64,
    pub tenant_position: i64,
    pub recorded_at: Moment,
}

impl Recorded {
    /// Reads an envelope. Everything but its place comes from the stored bytes.
    pub fn read(place: Place, envelope: String) -> Result<Self, Undecodable> {
        let read: Envelope<'_> = serde_json::from_str(&envelope).map_err(|error| {
            Undecodable::Envelope { position: place.position, reason: error.to_string() }
        })?;
        Ok(Self {
            position: place.position,
            tenant: read.tenant,
            tenant_position: place.tenant_position,
            recorded_at: place.recorded_at,
            aggregate_type: read.aggregate_type,
            aggregate_id: read.aggregate_id,
            sequence: read.sequence,
            event_type: read.event_type,
            schema_version: read.schema_version,
            metadata: read.metadata,
            data: read.data.get().to_owned(),
            envelope,
        })
    }

    /// The aggregate's id as the number it is, for all aggregates whose ids we give out.
    pub fn id(&self) -> Result<i64, Undecodable> {
        self.aggregate_id.parse().map_err(|_| Undecodable::Event {
            event_type: self.event_type.clone(),
            version: self.schema_version.to_string(),
            reason: format!("{:?} is no id", self.aggregate_id),
        })
    }

    /// The event's data as it was written, whatever its version.
    pub fn data(&self) -> Result<Value, Undecodable> {
        serde_json::from_str(&self.data).map_err(|error| Undecodable::Event {
            event_type: self.event_type.clone(),
            version: self.schema_version.to_string(),
            reason: error.to_string(),
        })
    }

    /// The event in today's shape, if it belongs to this aggregate.
    pub fn event<A: Aggregate>(&self) -> Result<Option<A::Event>, Undecodable> {
        if self.aggregate_type != A::TYPE {
            return Ok(None);
        }
        let payload = self.data()?;
        decode::<A::Event>(SerializedEvent::new(
            self.aggregate_id.clone(),
            usize::try_from(self.sequence).unwrap_or_default(),
            self.aggregate_type.clone(),
            self.event_type.clone(),
            self.schema_version.to_string(),
            payload,
            Value::Null,
        ))
        .map(Some)
    }
}

/// Upcasts and decodes what was stored.
pub(crate) fn decode<E: DeserializeOwned + DomainEvent>(
    stored: SerializedEvent,
) -> Result<E, Undecodable> {
    let (event_type, version) = (stored.event_type.clone(), stored.event_version.clone());
    domain::upcast::decode(stored).map_err(|error| Undecodable::Event {
        event_type,
        version,
        reason: error.to_string(),
    })
}
