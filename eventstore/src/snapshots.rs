//! Snapshots: a stream's state every so many events, so that a cold start is short. Sealed
//! references only; one row per stream and shape of state.

use domain::command::Root;
use domain::id::TenantId;
use sqlx::PgPool;

use crate::vault::holds_clear;

/// How many events may have to be read after the newest snapshot.
pub(crate) const EVERY: i64 = 100;

/// Whether a commit from `before` to `after` passes a snapshot's mark.
pub(crate) fn due(before: i64, after: i64) -> bool {
    before / EVERY != after / EVERY
}

pub(crate) async fn read<A: Root>(
    pool: &PgPool,
    id: &str,
) -> Result<Option<(TenantId, i64, A)>, sqlx::Error> {
    let row: Option<(i64, i64, String)> = sqlx::query_as(
        "select tenant, sequence, state from eventstore.snapshots
         where aggregate_type = $1 and aggregate_id = $2 and schema_version = $3",
    )
    .bind(A::TYPE)
    .bind(id)
    .bind(A::SNAPSHOT_VERSION)
    .fetch_optional(pool)
    .await?;
    Ok(row.and_then(|(tenant, sequence, state)| {
        match serde_json::from_str(&state) {
            Ok(state) => Some((TenantId::new(tenant), sequence, state)),
            Err(error) => {
                // A snapshot only saves time. One that cannot be read costs time and nothing else.
                tracing::warn!(aggregate_type = A::TYPE, id, %error, "unreadable snapshot passed over");
                None
            }
        }
    }))
}

/// Writes a snapshot; a failure is worth a line in the log and no more.
pub(crate) async fn write<A: Root>(
    pool: PgPool,
    tenant: TenantId,
    id: String,
    sequence: i64,
    state: std::sync::Arc<A>,
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
