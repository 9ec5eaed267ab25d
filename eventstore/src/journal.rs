//! The log in its order. Positions are dense and become visible in their own order, so a reader
//! that remembers the last one it saw misses nothing.

use cqrs_es::Aggregate;
use cqrs_es::persist::SerializedEvent;
use domain::id::TenantId;
use domain::moment::Moment;
use serde_json::Value;
use sqlx::PgPool;
use thiserror::Error;
use time::OffsetDateTime;

use crate::connections::Connections;
use crate::recorded::{Place, Recorded, Undecodable};

/// Reads the log by position.
#[derive(Clone)]
pub struct Journal {
    pool: PgPool,
}

/// A stream with an event that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub position: i64,
    pub tenant: TenantId,
    pub aggregate_id: String,
    pub recorded_at: Moment,
}

#[derive(Debug, Error)]
pub enum JournalError {
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

impl Journal {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Which of its histories the database writes: one more for every restore and failover.
    pub async fn timeline(&self) -> Result<u32, JournalError> {
        let (file,): (String,) = sqlx::query_as("select pg_walfile_name(pg_current_wal_lsn())")
            .fetch_one(&self.pool)
            .await?;
        Ok(file.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default())
    }

    /// The last position given out; -1 in an empty log.
    pub async fn head(&self) -> Result<i64, JournalError> {
        let (next,): (i64,) = sqlx::query_as("select next_position from eventstore.log")
            .fetch_one(&self.pool)
            .await?;
        Ok(next - 1)
    }

    /// The first position recorded at or after a moment; times never run backwards in the log.
    pub async fn position_at(&self, moment: Moment) -> Result<i64, JournalError> {
        let (mut low, mut high) = (0, self.head().await? + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let (recorded_at,): (OffsetDateTime,) =
                sqlx::query_as("select recorded_at from eventstore.events where position = $1")
                    .bind(middle)
                    .fetch_one(&self.pool)
                    .await?;
            if moment_of(recorded_at) < moment {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The aggregates with an event of this type from a position on, and when it was recorded.
    pub async fn aggregates_with(
        &self,
        event_type: &str,
        position: i64,
    ) -> Result<Vec<(String, Moment)>, JournalError> {
        let rows: Vec<(String, OffsetDateTime)> = sqlx::query_as(
            "select aggregate_id, recorded_at from eventstore.events
             where position >= $2 and event_type = $1",
        )
        .bind(event_type)
        .bind(position)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(id, recorded_at)| (id, moment_of(recorded_at))).collect())
    }

    /// The streams with an event of this type after a position, in the log's order. The type is ours
    /// and stands in the question itself, where the index made for it is found.
    pub async fn streams_with(
        &self,
        event_type: &'static str,
        position: i64,
    ) -> Result<Vec<Begun>, JournalError> {
        let sql = format!(
            "select position, tenant, aggregate_id, recorded_at from eventstore.events
             where position > $1 and event_type = '{event_type}' order by position"
        );
        let rows: Vec<(i64, i64, String, OffsetDateTime)> =
            sqlx::query_as(&sql).bind(position).fetch_all(&self.pool).await?;
        let begun = |(position, tenant, aggregate_id, recorded_at)| Begun {
            position,
            tenant: TenantId::new(tenant),
            aggregate_id,
            recorded_at: moment_of(recorded_at),
        };
        Ok(rows.into_iter().map(begun).collect())
    }

    /// Whose stream this is, if there is one.
    pub async fn tenant_of(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
    ) -> Result<Option<TenantId>, JournalError> {
        let row: Option<(i64,)> = sqlx::query_as(
            "select tenant from eventstore.events
             where aggregate_type = $1 and aggregate_id = $2 and sequence = 1",
        )
        .bind(aggregate_type)
        .bind(aggregate_id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(tenant,)| TenantId::new(tenant)))
    }

    /// Whether a stream has an event of this type.
    pub async fn has(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        event_type: &str,
    ) -> Result<bool, JournalError> {
        let (has,): (bool,) = sqlx::query_as(
            "select exists (select from eventstore.events
                 where aggregate_type = $1 and aggregate_id = $2 and event_type = $3)",
        )
        .bind(aggregate_type)
        .bind(aggregate_id)
        .bind(event_type)
        .fetch_one(&self.pool)
        .await?;
        Ok(has)
    }

    /// The last event of this type in a stream.
    pub async fn last(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        event_type: &str,
    ) -> Result<Option<Recorded>, JournalError> {
        let row: Option<EventRow> = sqlx::query_as(
            "select position, tenant_position, recorded_at, envelope from eventstore.events
             where aggregate_type = $1 and aggregate_id = $2 and event_type = $3
             order by sequence desc limit 1",
        )
        .bind(aggregate_type)
        .bind(aggregate_id)
        .bind(event_type)
        .fetch_optional(&self.pool)
        .await?;
        row.map(recorded).transpose()
    }

    /// Whether there is an event at this position or later of none of these aggregates.
    pub async fn has_others_than(
        &self,
        aggregate_types: &[&str],
        from: i64,
    ) -> Result<bool, JournalError> {
        let (has,): (bool,) = sqlx::query_as(
            "select exists (select from eventstore.events
                 where position >= $1 and aggregate_type <> all ($2))",
        )
        .bind(from)
        .bind(aggregate_types)
        .fetch_one(&self.pool)
        .await?;
        Ok(has)
    }

    /// The events after a position, in order, at most `limit`.
    pub async fn after(&self, position: i64, limit: i64) -> Result<Vec<Recorded>, JournalError> {
        let rows: Vec<EventRow> = sqlx::query_as(
            "select position, tenant_position, recorded_at, envelope from eventstore.events
             where position > $1 order by position limit $2",
        )
        .bind(position)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(recorded).collect()
    }

    /// A stream's events after a sequence and up to a position, in order, at most `limit`. Another
    /// tenant's stream has none.
    pub async fn stream_until(
        &self,
        tenant: TenantId,
        (aggregate_type, aggregate_id): (&str, &str),
        (after, until): (i64, i64),
        limit: i64,
    ) -> Result<Vec<Recorded>, JournalError> {
        let rows: Vec<EventRow> = sqlx::query_as(
            "select position, tenant_position, recorded_at, envelope from eventstore.events
             where aggregate_type = $1 and aggregate_id = $2 and sequence > $3 and position <= $4
                 and tenant = $5
             order by sequence limit $6",
        )
        .bind(aggregate_type)
        .bind(aggregate_id)
        .bind(after)
        .bind(until)
        .bind(tenant.value())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(recorded).collect()
    }

    /// A tenant's events from a position to before another, newest first, at most `limit`: all, or
    /// those of one stream.
    pub async fn of_tenant(
        &self,
        tenant: TenantId,
        stream: Option<(&str, &str)>,
        (from, before): (i64, i64),
        limit: i64,
    ) -> Result<Vec<Recorded>, JournalError> {
        let columns = "select position, tenant_position, recorded_at, envelope
            from eventstore.events where tenant = $1";
        let rows: Vec<EventRow> = match stream {
            Some((aggregate_type, aggregate_id)) => {
                sqlx::query_as(&format!(
                    "{columns} and aggregate_type = $2 and aggregate_id = $3 and position >= $4
                         and position < $5 order by sequence desc limit $6"
                ))
                .bind(tenant.value())
                .bind(aggregate_type)
                .bind(aggregate_id)
                .bind(from)
                .bind(before)
                .bind(limit)
                .fetch_all(&self.pool)
                .await?
            }
            None => {
                let first = self.tenant_position_from(tenant, from).await?;
                let end = self.tenant_position_from(tenant, before).await?;
                sqlx::query_as(&format!(
                    "{columns} and tenant_position >= $2 and tenant_position < $3
                     order by tenant_position desc limit $4"
                ))
                .bind(tenant.value())
                .bind(first)
                .bind(end)
                .bind(limit)
                .fetch_all(&self.pool)
                .await?
            }
        };
        rows.into_iter().map(recorded).collect()
    }

    /// A tenant's events from one of its own positions on, in order, at most `limit`.
    pub async fn of_tenant_from(
        &self,
        tenant: TenantId,
        tenant_position: i64,
        limit: i64,
    ) -> Result<Vec<Recorded>, JournalError> {
        let rows: Vec<EventRow> = sqlx::query_as(
            "select position, tenant_position, recorded_at, envelope from eventstore.events
             where tenant = $1 and tenant_position >= $2 order by tenant_position limit $3",
        )
        .bind(tenant.value())
        .bind(tenant_position)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(recorded).collect()
    }

    /// The tenant position of a tenant's first event at a position or after it. Both numbers rise
    /// together.
    pub async fn tenant_position_from(
        &self,
        tenant: TenantId,
        position: i64,
    ) -> Result<i64, JournalError> {
        let next: Option<(i64,)> =
            sqlx::query_as("select next_position from eventstore.tenant_log where tenant = $1")
                .bind(tenant.value())
                .fetch_optional(&self.pool)
                .await?;
        let (mut low, mut high) = (0, next.map_or(0, |(next,)| next));
        while low < high {
            let middle = low + (high - low) / 2;
            let (there,): (i64,) = sqlx::query_as(
                "select position from eventstore.events
                 where tenant = $1 and tenant_position = $2",
            )
            .bind(tenant.value())
            .bind(middle)
            .fetch_one(&self.pool)
            .await?;
            if there < position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

type EventRow = (i64, i64, OffsetDateTime, String);

fn recorded(
    (position, tenant_position, recorded_at, envelope): EventRow,
) -> Result<Recorded, JournalError> {
    let recorded_at = moment_of(recorded_at);
    Ok(Recorded::read(Place { position, tenant_position, recorded_at }, envelope)?)
}

type StreamRow = (String, i64, String, String, String, Value, Value);

/// One stream after a sequence, in the shape postgres-es reads whole streams in. (Its own
/// `get_last_events` writes the number into the statement, which makes every one a new one.)
pub(crate) async fn stream_after<A: Aggregate>(
    log: &Connections,
    id: &str,
    sequence: i64,
) -> Result<Vec<SerializedEvent>, sqlx::Error> {
    let question = sqlx::query_as(
        "select aggregate_id, sequence, aggregate_type, event_type, event_version, payload, metadata
         from eventstore.streams
         where aggregate_type = $1 and aggregate_id = $2 and sequence > $3 order by sequence",
    )
    .bind(A::TYPE)
    .bind(id)
    .bind(sequence);
    let rows: Vec<StreamRow> = log.all(question).await?;
    Ok(rows
        .into_iter()
        .map(|(id, sequence, aggregate_type, event_type, version, payload, metadata)| {
            let sequence = usize::try_from(sequence).unwrap_or_default();
            SerializedEvent::new(
                id,
                sequence,
                aggregate_type,
                event_type,
                version,
                payload,
                metadata,
            )
        })
        .collect())
}

/// The moment in the type the log keeps.
pub(crate) fn moment_of(time: time::OffsetDateTime) -> Moment {
    let unix_ms = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Moment::from_unix_ms(i64::try_from(unix_ms).unwrap_or_default())
}
