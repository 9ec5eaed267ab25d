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

/// A name that can be claimed, and the id that is looked under where nobody holds it.
pub struct Name<'a> {
    pub tenant: TenantId,
    pub kind: &'a str,
    pub digest: &'a [u8],
    pub nobody: &'a str,
}

/// What stands behind a name: under which id, two streams there, and others under ids of their own.
/// None is a stream whose snapshot cannot be read.
pub(crate) type Behind<A, B, C> = (String, Option<Cold<A>>, Option<Cold<B>>, Vec<Option<Cold<C>>>);

/// A stream to be read. Without an id it is one of whoever holds the name.
type Wanted<'a> = (&'static str, i32, Option<&'a str>);

/// A row of a stream as it is read: its snapshot, which has tenant and state, or an event after it.
#[derive(FromRow)]
struct ReadRow {
    aggregate_type: String,
    aggregate_id: String,
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
    folded(id, read_rows(log, None, vec![wanted::<A>(Some(id))]).await?)
}

/// The same of all that stands behind a name, still with one question.
pub(crate) async fn read_behind<A: Root, B: Root, C: Root>(
    log: &Connections,
    name: &Name<'_>,
    ids: &[&str],
) -> Result<Behind<A, B, C>, StoreError> {
    let mut streams = vec![wanted::<A>(None), wanted::<B>(None)];
    streams.extend(ids.iter().map(|id| wanted::<C>(Some(id))));
    let mut rows = read_rows(log, Some(name), streams).await?;
    let mut taken = |wanted: &dyn Fn(&ReadRow) -> bool| -> Vec<ReadRow> {
        let (taken, left) = std::mem::take(&mut rows).into_iter().partition(wanted);
        rows = left;
        taken
    };
    let others = ids.iter().map(|id| {
        folded(id, taken(&|row| row.aggregate_type == C::TYPE && row.aggregate_id == *id))
    });
    let others = others.collect::<Result<_, _>>()?;
    let (one, other) = (taken(&|row| row.aggregate_type == A::TYPE), rows);
    let holder = one.iter().chain(&other).next().map_or(name.nobody, |row| &row.aggregate_id);
    let holder = holder.to_owned();
    let (one, other) = (folded(&holder, one)?, folded(&holder, other)?);
    Ok((holder, one, other, others))
}

fn wanted<A: Root>(id: Option<&str>) -> Wanted<'_> {
    (A::TYPE, A::SNAPSHOT_VERSION, id)
}

async fn read_rows(
    log: &Connections,
    name: Option<&Name<'_>>,
    streams: Vec<Wanted<'_>>,
) -> Result<Vec<ReadRow>, StoreError> {
    let (mut types, mut versions, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (aggregate_type, schema_version, id) in streams {
        types.push(aggregate_type);
        versions.push(schema_version);
        ids.push(id);
    }
    let rows = sqlx::query_as(
        "with wanted as (
             select w.aggregate_type, w.aggregate_id, s.tenant, s.sequence, s.state
             from (
                 select u.aggregate_type, u.schema_version, coalesce(u.aggregate_id, (
                     select holder from eventstore.claims
                     where tenant = $4 and kind = $5 and digest = $6
                 ), $7) as aggregate_id
                 from unnest($1::text[], $2::int[], $3::text[])
                     u (aggregate_type, schema_version, aggregate_id)
             ) w
             left join eventstore.snapshots s using (aggregate_type, aggregate_id, schema_version)
         )
         select aggregate_type, aggregate_id, sequence, null as event_type,
             null as event_version, null::json as payload, null::json as metadata, tenant, state
         from wanted where state is not null
         union all
         select e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version,
             e.payload, e.metadata, null, null
         from wanted w cross join lateral (
             select * from eventstore.streams
             where aggregate_type = w.aggregate_type and aggregate_id = w.aggregate_id
                 and sequence > coalesce(w.sequence, 0)
         ) e
         order by sequence",
    );
    let rows = rows.bind(types).bind(versions).bind(ids);
    let rows = rows.bind(name.map(|name| name.tenant.value())).bind(name.map(|name| name.kind));
    let rows = rows.bind(name.map(|name| name.digest)).bind(name.map(|name| name.nobody));
    Ok(log.all(rows).await?)
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
