//! The log as it lies in the database, and what must hold of it whatever was done to it.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

/// One row, with all the log adds to an event.
#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    pub position: i64,
    pub tenant: i64,
    pub tenant_position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub schema_version: i32,
    pub recorded_at: OffsetDateTime,
    pub envelope: String,
    pub leaf: Vec<u8>,
}

/// Reads the whole log and checks everything that never depends on what was asked of it.
pub async fn sound_log(owner: &mut PgConnection) -> Vec<Entry> {
    let log: Vec<Entry> = sqlx::query_as("select * from eventstore.events order by position")
        .fetch_all(&mut *owner)
        .await
        .unwrap();
    let mut of_tenant: HashMap<i64, i64> = HashMap::new();
    let mut of_stream: HashMap<(&str, &str), i64> = HashMap::new();
    let mut last_moment = OffsetDateTime::UNIX_EPOCH;
    for (entry, position) in log.iter().zip(0..) {
        assert_eq!(entry.position, position, "positions have no gap");
        let next = of_tenant.entry(entry.tenant).or_default();
        assert_eq!(entry.tenant_position, *next, "tenant positions are dense");
        *next += 1;
        let sequence = of_stream.entry((&entry.aggregate_type, &entry.aggregate_id)).or_default();
        *sequence += 1;
        assert_eq!(entry.sequence, *sequence, "sequences are dense and in the log's order");
        assert!(entry.recorded_at >= last_moment, "time does not run back");
        last_moment = entry.recorded_at;
        assert_eq!(entry.leaf, leaf(entry), "leaf of {position}");
        repeats_its_envelope(entry);
    }
    let (next,): (i64,) =
        sqlx::query_as("select next_position from eventstore.log").fetch_one(owner).await.unwrap();
    assert_eq!(usize::try_from(next).unwrap(), log.len());
    log
}

/// The leaf, computed from its description alone.
fn leaf(entry: &Entry) -> Vec<u8> {
    let millis = i64::try_from(entry.recorded_at.unix_timestamp_nanos() / 1_000_000).unwrap();
    [
        b"caskev1\0".as_slice(),
        &0_u32.to_be_bytes(),
        &entry.tenant.to_be_bytes(),
        &entry.tenant_position.to_be_bytes(),
        &millis.to_be_bytes(),
        digest(&SHA256, entry.envelope.as_bytes()).as_ref(),
    ]
    .concat()
}

fn repeats_its_envelope(entry: &Entry) {
    let envelope: serde_json::Value = serde_json::from_str(&entry.envelope).unwrap();
    assert_eq!(envelope["tenant"], entry.tenant.to_string());
    assert_eq!(envelope["aggregateType"], entry.aggregate_type.as_str());
    assert_eq!(envelope["aggregateId"], entry.aggregate_id.as_str());
    assert_eq!(envelope["sequence"], entry.sequence);
    assert_eq!(envelope["type"], entry.event_type.as_str());
    assert_eq!(envelope["schemaVersion"], entry.schema_version);
}
