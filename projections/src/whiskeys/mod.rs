//! Casks: one, the catalogue, and how they are found.

mod catalogue;
mod search;
mod words;

pub use catalogue::{Filter, Sort, SortKey};
use domain::id::{TenantId, UserId, WhiskeyId};
use domain::whiskey::details::Details;
use domain::whiskey::{Attachment, Stage, Whiskey, WhiskeyEvent};
use eventstore::Recorded;
pub use search::{FacetRow, Search};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

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
    pub attachments: Json<Vec<Attachment>>,
    pub registered_at: OffsetDateTime,
    pub changed_at: OffsetDateTime,
}

impl Projection for Whiskeys {
    const NAME: &'static str = "whiskeys";
    const VERSION: i32 = 5;
    const TABLES: &'static str = include_str!("../../migrations/whiskeys.sql");

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
                let litres = original_litres_of_alcohol.to_string();
                let change = "original_litres_of_alcohol = $2::text::numeric";
                set(connection, id, change, litres).await?;
                write_details(connection, id, event.tenant.value(), &details).await?;
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
            WhiskeyEvent::FileAttached { file, role } => {
                let change = "attachments = attachments || $2::text::jsonb";
                let attachment = serde_json::json!([Attachment { file, role }]);
                set(connection, id, change, attachment.to_string()).await?;
            }
            WhiskeyEvent::FileDetached { file } => {
                let change = "attachments = jsonb_path_query_array(attachments,
                    '$[*] ? (@.file != $file)', jsonb_build_object('file', $2))";
                set(connection, id, change, file.to_string()).await?;
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
    let (Json(mut details), tenant): (Json<Details>, i64) =
        sqlx::query_as("select details, tenant from whiskeys where whiskey_id = $1")
            .bind(id)
            .fetch_one(&mut *connection)
            .await?;
    change(&mut details);
    write_details(connection, id, tenant, &details).await
}

/// The details, and the columns that lists are filtered, sorted and found by.
async fn write_details(
    connection: &mut PgConnection,
    id: i64,
    tenant: i64,
    details: &Details,
) -> Result<(), ApplyError> {
    let price = details.market_value.as_ref();
    sqlx::query(
        "update whiskeys set name = $2, brand = $3, distillery = $4, region = $5, category = $6,
             age = $7, vintage = $8, price = $9::text::numeric, currency = $10,
             words = $11::text::tsvector, details = $12
         where whiskey_id = $1",
    )
    .bind(id)
    .bind(&details.name)
    .bind(&details.brand)
    .bind(&details.distillery)
    .bind(&details.region)
    .bind(details.category.word())
    .bind(details.age.map(i16::from))
    .bind(details.vintage.and_then(|year| i16::try_from(year).ok()))
    .bind(price.map(|money| money.amount.to_string()))
    .bind(price.map(|money| money.currency.as_str()))
    .bind(words::document(&texts(details)))
    .bind(Json(details))
    .execute(&mut *connection)
    .await?;
    remember_words(connection, tenant, details).await
}

async fn remember_words(
    connection: &mut PgConnection,
    tenant: i64,
    details: &Details,
) -> Result<(), ApplyError> {
    let texts = texts(details);
    let words: Vec<String> =
        texts.iter().flat_map(|(text, _)| words::words(text)).map(|word| word.text).collect();
    sqlx::query(
        "insert into words (tenant, word) select distinct $1, unnest($2::text[])
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(words)
    .execute(connection)
    .await?;
    Ok(())
}

/// What a cask is found by, and how much each counts.
fn texts(details: &Details) -> Vec<words::Weighted<'_>> {
    let other = [&details.region, &details.condition];
    let other = other.into_iter().flatten().map(|text| (text.as_str(), 'C'));
    let brand = details.brand.iter().map(|text| (text.as_str(), 'B'));
    let description = details.description.iter().map(|text| (text.as_str(), 'D'));
    [(details.name.as_str(), 'A'), (details.distillery.as_str(), 'B')]
        .into_iter()
        .chain(brand)
        .chain([(details.cask_number.as_str(), 'B')])
        .chain(other)
        .chain(description)
        .collect()
}

async fn register(
    connection: &mut PgConnection,
    event: &Recorded,
    owner: UserId,
    details: Details,
    litres: String,
) -> Result<(), ApplyError> {
    let (id, tenant) = (event.id()?, event.tenant.value());
    sqlx::query(
        "insert into whiskeys (whiskey_id, tenant, sequence, owner, status, name, distillery,
             category, original_litres_of_alcohol, words, details, registered_at, changed_at)
         values ($1, $2, $3, $4, 'PENDING', $5, $6, $7, $8::text::numeric, '', $9, $10, $10)",
    )
    .bind(id)
    .bind(tenant)
    .bind(event.sequence)
    .bind(owner.value())
    .bind(&details.name)
    .bind(&details.distillery)
    .bind(details.category.word())
    .bind(litres)
    .bind(Json(&details))
    .bind(at(event.metadata.occurred_at))
    .execute(&mut *connection)
    .await?;
    write_details(connection, id, tenant, &details).await
}

const COLUMNS: &str = "whiskey_id, sequence, owner, status,
    original_litres_of_alcohol::text as original_litres_of_alcohol,
    regauged_litres_of_alcohol::text as regauged_litres_of_alcohol, details, rejection_reason,
    network, offered_to, retire_reason, attachments, registered_at, changed_at";

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
}
