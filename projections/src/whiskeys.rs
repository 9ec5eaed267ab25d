//! Casks: one, and the catalogue.

use domain::id::{TenantId, UserId, WhiskeyId};
use domain::whiskey::details::Details;
use domain::whiskey::{Stage, Whiskey, WhiskeyEvent};
use eventstore::Recorded;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct Whiskeys;

/// A cask.
#[derive(Clone, Debug, FromRow)]
pub struct WhiskeyRow {
    pub whiskey_id: i64,
    pub sequence: i64,
    pub owner: i64,
    pub status: String,
    pub original_litres_of_alcohol: String,
    pub details: Json<Details>,
    pub rejection_reason: Option<String>,
    pub network: Option<String>,
    pub registered_at: OffsetDateTime,
    pub changed_at: OffsetDateTime,
}

/// What of the catalogue is wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub owner: Option<UserId>,
    pub status: Option<String>,
    pub category: Option<String>,
}

impl Projection for Whiskeys {
    const NAME: &'static str = "whiskeys";
    const VERSION: i32 = 2;
    const TABLES: &'static str = include_str!("../migrations/whiskeys.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<Whiskey>()? else {
            return Ok(());
        };
        let stage = match happened {
            WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol } => {
                let litres = original_litres_of_alcohol.to_string();
                return register(connection, event, owner, *details, litres).await;
            }
            WhiskeyEvent::WhiskeyApproved { .. } => (Stage::Approved, None, None),
            WhiskeyEvent::WhiskeyRejected { reason, .. } => (Stage::Rejected, Some(reason), None),
            WhiskeyEvent::TokenisationStarted { network } => {
                (Stage::Tokenising, None, Some(network))
            }
            WhiskeyEvent::TokenisationCompleted { network } => {
                (Stage::Tokenised, None, Some(network))
            }
        };
        let (stage, rejection_reason, network) = stage;
        sqlx::query(
            "update whiskeys set sequence = $2, status = $3, rejection_reason = $4,
                 network = coalesce($5, network), changed_at = $6
             where whiskey_id = $1",
        )
        .bind(event.id()?)
        .bind(event.sequence)
        .bind(stage.name())
        .bind(rejection_reason)
        .bind(network)
        .bind(at(event.metadata.occurred_at))
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn register(
    connection: &mut PgConnection,
    event: &Recorded,
    owner: UserId,
    details: Details,
    litres: String,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into whiskeys (whiskey_id, tenant, sequence, owner, status, name, distillery,
             category, original_litres_of_alcohol, details, registered_at, changed_at)
         values ($1, $2, $3, $4, 'PENDING', $5, $6, $7, $8::text::numeric, $9, $10, $10)",
    )
    .bind(event.id()?)
    .bind(event.tenant.value())
    .bind(event.sequence)
    .bind(owner.value())
    .bind(&details.name)
    .bind(&details.distillery)
    .bind(details.category.word())
    .bind(litres)
    .bind(Json(&details))
    .bind(at(event.metadata.occurred_at))
    .execute(connection)
    .await?;
    Ok(())
}

impl Readers {
    /// One cask.
    pub async fn whiskey(
        &self,
        tenant: TenantId,
        whiskey: WhiskeyId,
    ) -> Result<Option<WhiskeyRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let row = sqlx::query_as(
            "select whiskey_id, sequence, owner, status,
                 original_litres_of_alcohol::text as original_litres_of_alcohol, details,
                 rejection_reason, network, registered_at, changed_at
             from read_whiskeys.whiskeys where whiskey_id = $1",
        )
        .bind(whiskey.value())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A page of the catalogue, newest first.
    pub async fn whiskeys(
        &self,
        tenant: TenantId,
        filter: &Filter,
        page: Page,
    ) -> Result<Paged<WhiskeyRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let owner = filter.owner.map(UserId::value);
        let (total,): (i64,) = sqlx::query_as(
            "select count(*) from read_whiskeys.whiskeys
             where ($1::bigint is null or owner = $1) and ($2::text is null or status = $2)
                 and ($3::text is null or category = $3)",
        )
        .bind(owner)
        .bind(&filter.status)
        .bind(&filter.category)
        .fetch_one(&mut *tx)
        .await?;
        let items = sqlx::query_as(
            "select whiskey_id, sequence, owner, status,
                 original_litres_of_alcohol::text as original_litres_of_alcohol, details,
                 rejection_reason, network, registered_at, changed_at
             from read_whiskeys.whiskeys
             where ($1::bigint is null or owner = $1) and ($2::text is null or status = $2)
                 and ($3::text is null or category = $3)
             order by whiskey_id desc limit $4 offset $5",
        )
        .bind(owner)
        .bind(&filter.status)
        .bind(&filter.category)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }
}
