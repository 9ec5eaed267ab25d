//! Casks: one, and the catalogue.

use domain::fixed::Fixed;
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
    pub regauged_litres_of_alcohol: Option<String>,
    pub details: Json<Details>,
    pub rejection_reason: Option<String>,
    pub network: Option<String>,
    pub offered_to: Option<i64>,
    pub retire_reason: Option<String>,
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
    const VERSION: i32 = 3;
    const TABLES: &'static str = include_str!("../migrations/whiskeys.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<Whiskey>()? else {
            return Ok(());
        };
        let id = event.id()?;
        match happened {
            WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol } => {
                let litres = original_litres_of_alcohol.to_string();
                return register(connection, event, owner, *details, litres).await;
            }
            WhiskeyEvent::WhiskeyCorrected { details, original_litres_of_alcohol } => {
                correct(connection, id, *details, original_litres_of_alcohol).await?;
            }
            WhiskeyEvent::WhiskeyApproved { .. } => enter(connection, id, Stage::Approved).await?,
            WhiskeyEvent::WhiskeyRejected { reason, .. } => {
                enter(connection, id, Stage::Rejected).await?;
                set(connection, id, "rejection_reason = $2", reason).await?;
            }
            WhiskeyEvent::WhiskeyResubmitted {} => enter(connection, id, Stage::Pending).await?,
            WhiskeyEvent::WhiskeyRevalued { value } => {
                describe(connection, id, |details| details.market_value = Some(value)).await?;
            }
            WhiskeyEvent::WhiskeyRegauged { volume, alcohol_content, litres_of_alcohol } => {
                describe(connection, id, |details| {
                    details.volume = volume;
                    details.alcohol_content = alcohol_content;
                })
                .await?;
                let litres = litres_of_alcohol.to_string();
                set(connection, id, "regauged_litres_of_alcohol = $2::text::numeric", litres)
                    .await?;
            }
            WhiskeyEvent::WhiskeyMoved { location } => {
                describe(connection, id, |details| details.storage_location = Some(location))
                    .await?;
            }
            WhiskeyEvent::ConditionReported { condition } => {
                describe(connection, id, |details| details.condition = Some(condition)).await?;
            }
            WhiskeyEvent::TransferOffered { to } => {
                set(connection, id, "offered_to = $2::text::bigint", to.to_string()).await?;
            }
            WhiskeyEvent::TransferWithdrawn {} => {
                set(connection, id, "offered_to = nullif($2, '')::bigint", String::new()).await?;
            }
            WhiskeyEvent::TransferAccepted { to, .. } => {
                let change = "offered_to = null, owner = $2::text::bigint";
                set(connection, id, change, to.to_string()).await?;
            }
            WhiskeyEvent::WhiskeyRetired { reason } => {
                enter(connection, id, Stage::Retired).await?;
                set(connection, id, "retire_reason = $2", reason.word().to_owned()).await?;
            }
            WhiskeyEvent::TokenisationStarted { network } => {
                enter(connection, id, Stage::Tokenising).await?;
                set(connection, id, "network = $2", network).await?;
            }
            WhiskeyEvent::TokenisationCompleted { network } => {
                enter(connection, id, Stage::Tokenised).await?;
                set(connection, id, "network = $2", network).await?;
            }
        }
        sqlx::query("update whiskeys set sequence = $2, changed_at = $3 where whiskey_id = $1")
            .bind(id)
            .bind(event.sequence)
            .bind(at(event.metadata.occurred_at))
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// A reason to reject is of the last judgement only.
async fn enter(connection: &mut PgConnection, id: i64, stage: Stage) -> Result<(), ApplyError> {
    sqlx::query("update whiskeys set status = $2, rejection_reason = null where whiskey_id = $1")
        .bind(id)
        .bind(stage.name())
        .execute(connection)
        .await?;
    Ok(())
}

/// `change` is one of our own texts, with `$2` for the value.
async fn set(
    connection: &mut PgConnection,
    id: i64,
    change: &str,
    value: String,
) -> Result<(), ApplyError> {
    sqlx::query(&format!("update whiskeys set {change} where whiskey_id = $1"))
        .bind(id)
        .bind(value)
        .execute(connection)
        .await?;
    Ok(())
}

async fn describe(
    connection: &mut PgConnection,
    id: i64,
    change: impl FnOnce(&mut Details),
) -> Result<(), ApplyError> {
    let (Json(mut details),): (Json<Details>,) =
        sqlx::query_as("select details from whiskeys where whiskey_id = $1")
            .bind(id)
            .fetch_one(&mut *connection)
            .await?;
    change(&mut details);
    sqlx::query("update whiskeys set details = $2 where whiskey_id = $1")
        .bind(id)
        .bind(Json(&details))
        .execute(connection)
        .await?;
    Ok(())
}

async fn correct(
    connection: &mut PgConnection,
    id: i64,
    details: Details,
    litres: Fixed<2>,
) -> Result<(), ApplyError> {
    sqlx::query(
        "update whiskeys set name = $2, distillery = $3, category = $4,
             original_litres_of_alcohol = $5::text::numeric, details = $6
         where whiskey_id = $1",
    )
    .bind(id)
    .bind(&details.name)
    .bind(&details.distillery)
    .bind(details.category.word())
    .bind(litres.to_string())
    .bind(Json(&details))
    .execute(connection)
    .await?;
    Ok(())
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

const COLUMNS: &str = "whiskey_id, sequence, owner, status,
    original_litres_of_alcohol::text as original_litres_of_alcohol,
    regauged_litres_of_alcohol::text as regauged_litres_of_alcohol, details, rejection_reason,
    network, offered_to, retire_reason, registered_at, changed_at";

impl Readers {
    /// One cask.
    pub async fn whiskey(
        &self,
        tenant: TenantId,
        whiskey: WhiskeyId,
    ) -> Result<Option<WhiskeyRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let row = sqlx::query_as(&format!(
            "select {COLUMNS}
             from read_whiskeys.whiskeys where whiskey_id = $1"
        ))
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
        let items = sqlx::query_as(&format!(
            "select {COLUMNS}
             from read_whiskeys.whiskeys
             where ($1::bigint is null or owner = $1) and ($2::text is null or status = $2)
                 and ($3::text is null or category = $3)
             order by whiskey_id desc limit $4 offset $5"
        ))
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
