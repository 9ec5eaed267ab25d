//! What happened to a cask, from its first event to its last.

use domain::id::{TenantId, WhiskeyId};
use domain::permission::ActorType;
use domain::whiskey::Whiskey;
use eventstore::Recorded;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct WhiskeyHistory;

/// Something that happened to a cask.
#[derive(Clone, Debug, FromRow)]
pub struct HappenedRow {
    pub position: i64,
    #[sqlx(rename = "type")]
    pub event_type: String,
    pub at: OffsetDateTime,
    pub actor_type: String,
    pub actor: String,
    pub data: Json<Value>,
}

impl Projection for WhiskeyHistory {
    const NAME: &'static str = "whiskey_history";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../migrations/whiskey_history.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        self.apply_all(connection, &[event]).await
    }

    /// All of them by one statement.
    async fn apply_all(
        &self,
        connection: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<(), ApplyError> {
        let mut rows = Rows::default();
        for event in events {
            // One that cannot be read is nobody's to be shown.
            if event.event::<Whiskey>()?.is_some() {
                rows.add(event)?;
            }
        }
        rows.write(connection).await
    }
}

/// Rows that wait to be written, column by column.
#[derive(Default)]
struct Rows {
    positions: Vec<i64>,
    tenants: Vec<i64>,
    whiskeys: Vec<i64>,
    types: Vec<String>,
    times: Vec<OffsetDateTime>,
    actor_types: Vec<&'static str>,
    actors: Vec<String>,
    data: Vec<String>,
}

impl Rows {
    fn add(&mut self, event: &Recorded) -> Result<(), ApplyError> {
        let metadata = &event.metadata;
        self.positions.push(event.position);
        self.tenants.push(event.tenant.value());
        self.whiskeys.push(event.id()?);
        self.types.push(event.event_type.clone());
        self.times.push(at(metadata.occurred_at));
        self.actor_types.push(match metadata.actor_type {
            ActorType::Anonymous => "anonymous",
            ActorType::User => "user",
            ActorType::System => "system",
        });
        self.actors.push(metadata.actor.clone());
        self.data.push(event.data()?.to_string());
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), ApplyError> {
        if self.positions.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "insert into whiskey_history
                 (position, tenant, whiskey_id, type, at, actor_type, actor, data)
             select unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]),
                 unnest($4::text[]), unnest($5::timestamptz[]), unnest($6::text[]),
                 unnest($7::text[]), unnest($8::text[])::jsonb",
        )
        .bind(self.positions)
        .bind(self.tenants)
        .bind(self.whiskeys)
        .bind(self.types)
        .bind(self.times)
        .bind(self.actor_types)
        .bind(self.actors)
        .bind(self.data)
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl Readers {
    /// Whether a cask was ever judged fit to be shown.
    pub async fn whiskey_was_approved(
        &self,
        tenant: TenantId,
        whiskey: WhiskeyId,
    ) -> Result<bool, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let (was_approved,) = sqlx::query_as(
            "select exists (
                 select from read_whiskey_history.whiskey_history
                 where tenant = $1 and whiskey_id = $2 and type = 'whiskey.approved'
             )",
        )
        .bind(tenant.value())
        .bind(whiskey.value())
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(was_approved)
    }

    /// What happened to a cask after a position, oldest first.
    pub async fn whiskey_history(
        &self,
        tenant: TenantId,
        whiskey: WhiskeyId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<HappenedRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let rows = sqlx::query_as(
            "select position, type, at, actor_type, actor, data
             from read_whiskey_history.whiskey_history
             where tenant = $1 and whiskey_id = $2 and position > $3
             order by position limit $4",
        )
        .bind(tenant.value())
        .bind(whiskey.value())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows)
    }
}
