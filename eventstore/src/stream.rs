//! The JetStream stream the log is published to: its name, subjects, headers and settings. What
//! stands here is what subscribers build on.

use std::time::Duration;

use async_nats::jetstream::context::CreateStreamError;
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{HeaderMap, ServerAddr};
use domain::moment::Moment;
use thiserror::Error;

use crate::recorded::{Place, Recorded, Undecodable};

pub const NAME: &str = "CASKCHAIN_EVENTS";
/// Every event: `caskchain.events.<tenant>.<aggregate>.<aggregateId>.<event>`.
pub const SUBJECTS: &str = "caskchain.events.>";

/// Aggregate ids fall into this many partitions, for ever: within one, order is kept.
pub const PARTITIONS: usize = 64;

pub const TYPE: &str = "Caskchain-Type";
pub const SCHEMA_VERSION: &str = "Caskchain-Schema-Version";
pub const POSITION: &str = "Caskchain-Position";
pub const TENANT_POSITION: &str = "Caskchain-Tenant-Position";
pub const RECORDED_AT: &str = "Caskchain-Recorded-At";
pub const PARTITION: &str = "Caskchain-Partition";
/// The position of the event before this one in the same partition; -1 for the first.
pub const PREVIOUS_POSITION: &str = "Caskchain-Previous-Position";
pub const CORRELATION_ID: &str = "Caskchain-Correlation-Id";
pub const TRACEPARENT: &str = "traceparent";

const API_TIMEOUT: Duration = Duration::from_secs(3);
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects, and goes on trying in the background for as long as the process lives. `urls` may name
/// several servers of a cluster, with commas between; credentials are taken from the first.
pub async fn connect(urls: &str) -> Result<async_nats::Client, ConnectError> {
    let servers: Vec<ServerAddr> = urls
        .split(',')
        .map(|url| url.trim().parse().map_err(|_| ConnectError::Url))
        .collect::<Result<_, _>>()?;
    let mut options = async_nats::ConnectOptions::new()
        .name("caskchain")
        .retry_on_initial_connect()
        .connection_timeout(API_TIMEOUT)
        .request_timeout(Some(API_TIMEOUT))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(50 << attempts.min(5)).min(Duration::from_secs(1))
        });
    // The client does not take them from the URL by itself.
    if let Some(first) = servers.first()
        && let (Some(user), Some(password)) = (first.username(), first.password())
    {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    Ok(options.connect(servers).await?)
}

#[derive(Debug, Error)]
pub enum ConnectError {
    #[error("the NATS URL cannot be read")]
    Url,
    #[error("NATS cannot be reached: {0}")]
    Unreachable(#[from] async_nats::ConnectError),
}

/// JetStream with our deadlines.
pub fn jetstream(client: async_nats::Client) -> Context {
    ContextBuilder::new().timeout(API_TIMEOUT).ack_timeout(ACK_TIMEOUT).build(client)
}

/// The stream, made if it is not there. It is a copy for subscribers; the log is the truth.
pub async fn ensure(jetstream: &Context, replicas: usize) -> Result<Stream, CreateStreamError> {
    jetstream
        .get_or_create_stream(Config {
            name: NAME.to_owned(),
            description: Some("Every event of the log, in position order".to_owned()),
            subjects: vec![SUBJECTS.to_owned()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            num_replicas: replicas,
            duplicate_window: Duration::from_secs(120),
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..Config::default()
        })
        .await
}

/// Every event of one type.
pub fn subject_of_type(event_type: &str) -> String {
    let (aggregate_type, name) = event_type.split_once('.').unwrap_or(("*", event_type));
    format!("caskchain.events.*.{aggregate_type}.*.{name}")
}

/// The stream's sequence of the event at a position. The relay publishes all of them, in order, from the
/// first one on.
pub fn sequence(position: i64) -> u64 {
    u64::try_from(position + 1).unwrap_or_default()
}

/// The position of the event at a sequence of the stream; -1 before the first.
pub fn position(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX) - 1
}

pub fn subject(event: &Recorded) -> String {
    let name = event.event_type.split_once('.').map_or(event.event_type.as_str(), |(_, name)| name);
    format!(
        "caskchain.events.{}.{}.{}.{name}",
        event.tenant, event.aggregate_type, event.aggregate_id
    )
}

/// FNV-1a over the id: small, fixed, and easily computed by a subscriber in any language.
pub fn partition(aggregate_id: &str) -> usize {
    let hash = aggregate_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash % PARTITIONS as u64).unwrap_or_default()
}

pub fn headers(event: &Recorded, previous: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TYPE, event.event_type.as_str());
    headers.insert(SCHEMA_VERSION, event.schema_version.to_string().as_str());
    headers.insert(POSITION, event.position.to_string().as_str());
    headers.insert(TENANT_POSITION, event.tenant_position.to_string().as_str());
    headers.insert(RECORDED_AT, event.recorded_at.to_string().as_str());
    headers.insert(PARTITION, partition(&event.aggregate_id).to_string().as_str());
    headers.insert(PREVIOUS_POSITION, previous.to_string().as_str());
    headers.insert(CORRELATION_ID, event.metadata.correlation_id.as_str());
    if let Some(traceparent) = &event.metadata.traceparent {
        headers.insert(TRACEPARENT, traceparent.as_str());
    }
    headers
}

#[derive(Debug, Error)]
pub enum ForeignMessage {
    #[error("the message has no usable {0} header")]
    Header(&'static str),
    #[error("the message is not UTF-8")]
    Text,
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

/// Reads a message of the stream.
pub fn read(headers: Option<&HeaderMap>, payload: &[u8]) -> Result<Recorded, ForeignMessage> {
    let header = |name: &'static str| {
        let value = headers.and_then(|headers| headers.get(name));
        value.map(|value| value.as_str()).ok_or(ForeignMessage::Header(name))
    };
    let number = |name: &'static str| -> Result<i64, ForeignMessage> {
        header(name)?.parse().map_err(|_| ForeignMessage::Header(name))
    };
    let place = Place {
        position: number(POSITION)?,
        tenant_position: number(TENANT_POSITION)?,
        recorded_at: Moment::parse(header(RECORDED_AT)?)
            .ok_or(ForeignMessage::Header(RECORDED_AT))?,
    };
    let envelope = std::str::from_utf8(payload).map_err(|_| ForeignMessage::Text)?;
    Ok(Recorded::read(place, envelope.to_owned())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_event_has_a_subject() {
        assert_eq!(subject_of_type("session.revoked"), "caskchain.events.*.session.*.revoked");
    }

    #[test]
    fn partitions_are_fixed_for_ever() {
        assert_eq!(partition("7204001"), 3);
        assert_eq!(partition(""), 37);
        let used: std::collections::BTreeSet<_> =
            (0..10_000).map(|id| partition(&id.to_string())).collect();
        assert_eq!(used.len(), PARTITIONS);
    }
}
