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
        // One that cannot be read is nobody's to be shown.
        if event.event::<Whiskey>()?.is_none() {
            return Ok(());
        }
        let metadata = &event.metadata;
        let actor_type = match metadata.actor_type {
            ActorType::Anonymous => "anonymous",
            ActorType::User => "user",
            ActorType::System => "system",
        };
        sqlx::query(
            "insert into whiskey_history
                 (position, tenant, whiskey_id, type, at, actor_type, actor, data)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(event.position)
        .bind(event.tenant.value())
        .bind(event.id()?)
        .bind(&event.event_type)
        .bind(at(metadata.occurred_at))
        .bind(actor_type)
        .bind(&metadata.actor)
        .bind(Json(event.data()?))
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl Readers {
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
