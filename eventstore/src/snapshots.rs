//! Snapshots: a stream's state every so many events, so that a cold start is short. Sealed
//! references only; one row per stream and shape of state.

use std::sync::Arc;

use cqrs_es::persist::SerializedEvent;
use domain::command::Root;
use domain::id::TenantId;
use serde_json::Value;
use sqlx::{FromRow, PgPool};

use crate::connections::Connections;
use crate::store::{Cold, StoreError, owner_of};
use crate::vault::holds_clear;

/// How many events may have to be read after the newest snapshot.
pub(crate) const EVERY: i64 = 100;

/// Whether a commit from `before` to `after` passes a snapshot's mark.
pub(crate) fn due(before: i64, after: i64) -> bool {
    before / EVERY != after / EVERY
}

pub(crate) async fn read<A: Root>(
    log: &Connections,
    id: &str,
) -> Result<Option<(TenantId, i64, A)>, sqlx::Error> {
    let question = sqlx::query_as(
        "select tenant, sequence, state from eventstore.snapshots
         where aggregate_type = $1 and aggregate_id = $2 and schema_version = $3",
    )
    .bind(A::TYPE)
    .bind(id)
    .bind(A::SNAPSHOT_VERSION);
    let row: Option<(i64, i64, String)> = log.optional(question).await?;
    Ok(row.and_then(|(tenant, sequence, state)| {
        parsed(id, &state).map(|state| (TenantId::new(tenant), sequence, state))
    }))
}

/// A snapshot only saves time. One that cannot be read costs time and nothing else.
fn parsed<A: Root>(id: &str, state: &str) -> Option<A> {
    serde_json::from_str(state)
        .inspect_err(|error| {
            tracing::warn!(aggregate_type = A::TYPE, id, %error, "unreadable snapshot passed over");
        })
        .ok()
}

/// A row of a stream as it is read: its snapshot, which has tenant and state, or an event after it.
#[derive(FromRow)]
struct ReadRow {
    aggregate_type: String,
    sequence: i64,
    event_type: Option<String>,
    event_version: Option<String>,
    payload: Option<Value>,
    metadata: Option<Value>,
    tenant: Option<i64>,
    state: Option<String>,
}

/// A stream with one question: its snapshot, if there is one, and the events after it. None if the
/// snapshot cannot be read.
pub(crate) async fn read_with_events<A: Root>(
    log: &Connections,
    id: &str,
) -> Result<Option<Cold<A>>, StoreError> {
    folded(id, read_rows(log, id, &[(A::TYPE, A::SNAPSHOT_VERSION)]).await?)
}

/// The same of two streams under one id, still with one question.
pub(crate) async fn read_both_with_events<A: Root, B: Root>(
    log: &Connections,
    id: &str,
) -> Result<(Option<Cold<A>>, Option<Cold<B>>), StoreError> {
    let kinds = [(A::TYPE, A::SNAPSHOT_VERSION), (B::TYPE, B::SNAPSHOT_VERSION)];
    let rows = read_rows(log, id, &kinds).await?;
    let (one, other) = rows.into_iter().partition(|row| row.aggregate_type == A::TYPE);
    Ok((folded(id, one)?, folded(id, other)?))
}

async fn read_rows(
    log: &Connections,
    id: &str,
    kinds: &[(&str, i32)],
) -> Result<Vec<ReadRow>, StoreError> {
    let (types, versions): (Vec<&str>, Vec<i32>) = kinds.iter().copied().unzip();
    let rows = sqlx::query_as(
        "with wanted as (
             select w.aggregate_type, s.tenant, s.sequence, s.state
             from unnest($1::text[], $2::int[]) w (aggregate_type, schema_version)
             left join eventstore.snapshots s
                 on s.aggregate_type = w.aggregate_type and s.aggregate_id = $3
                     and s.schema_version = w.schema_version
         )
         select aggregate_type, sequence, null as event_type, null as event_version,
             null::json as payload, null::json as metadata, tenant, state
         from wanted where state is not null
         union all
         select e.aggregate_type, e.sequence, e.event_type, e.event_version, e.payload,
             e.metadata, null, null
         from wanted w cross join lateral (
             select * from eventstore.streams
             where aggregate_type = w.aggregate_type and aggregate_id = $3
                 and sequence > coalesce(w.sequence, 0)
         ) e
         order by sequence",
    );
    Ok(log.all(rows.bind(types).bind(versions).bind(id)).await?)
}

fn folded<A: Root>(id: &str, rows: Vec<ReadRow>) -> Result<Option<Cold<A>>, StoreError> {
    let (mut owner, mut sequence, mut state, mut events) = (None, 0, A::default(), Vec::new());
    for row in rows {
        match (row.state, row.event_type) {
            (Some(written), _) => {
                let Some(read) = parsed(id, &written) else {
                    return Ok(None);
                };
                (owner, sequence, state) = (row.tenant.map(TenantId::new), row.sequence, read);
            }
            (None, Some(event_type)) => events.push(SerializedEvent::new(
                id.to_owned(),
                usize::try_from(row.sequence).unwrap_or_default(),
                A::TYPE.to_owned(),
                event_type,
                row.event_version.unwrap_or_default(),
                row.payload.unwrap_or_default(),
                row.metadata.unwrap_or_default(),
            )),
            (None, None) => {}
        }
    }
    if let (None, Some(first)) = (owner, events.first()) {
        owner = Some(owner_of(first)?);
    }
    Ok(Some((owner, sequence, Arc::new(state), events)))
}

/// Writes a snapshot; a failure is worth a line in the log and no more.
pub(crate) async fn write<A: Root>(
    pool: PgPool,
    tenant: TenantId,
    id: String,
    sequence: i64,
    state: Arc<A>,
) {
    let Ok(state) = serde_json::to_string(state.as_ref()) else {
        return tracing::error!(aggregate_type = A::TYPE, id, "state has no JSON form");
    };
    if holds_clear(&state) {
        return tracing::error!(
            aggregate_type = A::TYPE,
            id,
            "personal data kept out of a snapshot"
        );
    }
    let written = sqlx::query(
        "insert into eventstore.snapshots as s
             (aggregate_type, aggregate_id, schema_version, tenant, sequence, state)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (aggregate_type, aggregate_id, schema_version)
         do update set sequence = excluded.sequence, state = excluded.state
         where s.sequence < excluded.sequence",
    )
    .bind(A::TYPE)
    .bind(&id)
    .bind(A::SNAPSHOT_VERSION)
    .bind(tenant.value())
    .bind(sequence)
    .bind(state)
    .execute(&pool)
    .await;
    if let Err(error) = written {
        tracing::warn!(aggregate_type = A::TYPE, id, %error, "snapshot not written");
    }
}
