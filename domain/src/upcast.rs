//! Old event versions brought to today's shape on reading; stored bytes are never touched.

use cqrs_es::DomainEvent;
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error};
use serde_json::{Map, Value};

/// One transition: what events of this type and version lack, or have too much of, in the next.
#[derive(Clone, Copy)]
pub struct Upcaster {
    pub event_type: &'static str,
    /// The version it takes; it gives the one after.
    pub from: u32,
    pub change: fn(&mut Map<String, Value>),
}

/// Every transition, oldest first. Each lives with its aggregate, in a file named after it.
pub const UPCASTERS: &[Upcaster] = &[
    crate::lane::ATTEMPT_SIGNED_1_TO_2,
    crate::lane::CANCEL_REQUESTED_1_TO_2,
    crate::lane::NONCE_ASSIGNED_1_TO_2,
    crate::nft::FAILED_1_TO_2,
    crate::nft::OWNERSHIP_VERIFIED_1_TO_2,
    crate::nft::SLOT_LOST_1_TO_2,
    crate::session::OPENED_1_TO_2,
    crate::user::REGISTERED_1_TO_2,
    crate::user::PASSWORD_CHANGED_1_TO_2,
    crate::user::PASSWORD_RESET_1_TO_2,
];

impl EventUpcaster for Upcaster {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == self.event_type && event_version.parse() == Ok(self.from)
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        if let Value::Object(data) = &mut event.payload {
            (self.change)(data);
        }
        event.event_version = (self.from + 1).to_string();
        event
    }
}

/// An event as it would be written today.
fn upcast(stored: SerializedEvent) -> SerializedEvent {
    UPCASTERS.iter().fold(stored, |event, upcaster| {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            upcaster.upcast(event)
        } else {
            event
        }
    })
}

/// An event, of whatever version, in today's shape. A version that is not known is no event: whoever wrote
/// it may have said something in it that would be lost.
pub fn decode<E: DeserializeOwned + DomainEvent>(stored: SerializedEvent) -> serde_json::Result<E> {
    let SerializedEvent { event_type, event_version, payload, .. } = upcast(stored);
    // The name comes before the data: what comes the other way round, as in a map, is copied aside until
    // the name is known.
    let tagged = [("type", Value::from(event_type)), ("data", payload)];
    let event = E::deserialize(MapDeserializer::new(tagged.into_iter()))?;
    let known = event.event_version();
    if known == event_version {
        Ok(event)
    } else {
        let why = "is this program older than the log?";
        Err(Error::custom(format!("version {event_version} is not known, only {known}: {why}")))
    }
}
