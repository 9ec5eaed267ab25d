//! Casks: one, the catalogue, and how they are found.

mod cask;
mod catalogue;
mod search;
mod words;

pub use catalogue::{Filter, Sort, SortKey};
use domain::id::{TenantId, WhiskeyId};
use domain::whiskey::details::Details;
use domain::whiskey::{Attachment, Whiskey, WhiskeyEvent};
use eventstore::Recorded;
pub use search::{FacetRow, Search};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};

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
        if let WhiskeyEvent::WhiskeyRegistered { .. } = happened {
            if let Some(row) = WhiskeyRow::after(None, event, happened)? {
                insert(connection, event.tenant, &row).await?;
                write_details(connection, &row, event.tenant).await?;
            }
            return Ok(());
        }
        let before = load(connection, event.id()?).await?;
        let details = before.details.clone();
        let Some(row) = WhiskeyRow::after(Some(before), event, happened)? else {
            return Ok(());
        };
        if row.details != details {
            write_details(connection, &row, event.tenant).await?;
        }
        update(connection, &row).await
    }
}

/// The details, and the columns that lists are filtered, sorted and found by.
async fn write_details(
    connection: &mut PgConnection,
    row: &WhiskeyRow,
    tenant: TenantId,
) -> Result<(), ApplyError> {
    let details = &row.details.0;
    let price = details.market_value.as_ref();
    sqlx::query(
        "update whiskeys set name = $2, brand = $3, distillery = $4, region = $5, category = $6,
             age = $7, vintage = $8, price = $9::text::numeric, currency = $10,
             words = $11::text::tsvector, details = $12
         where whiskey_id = $1",
    )
    .bind(row.whiskey_id)
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
    remember_words(connection, tenant.value(), details).await
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

async fn load(connection: &mut PgConnection, id: i64) -> Result<WhiskeyRow, sqlx::Error> {
    let sql = format!("select {COLUMNS} from whiskeys where whiskey_id = $1");
    sqlx::query_as(&sql).bind(id).fetch_one(connection).await
}

async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    row: &WhiskeyRow,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into whiskeys (whiskey_id, tenant, sequence, owner, status, name, distillery,
             category, original_litres_of_alcohol, words, details, registered_at, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::numeric, '', $10, $11, $11)",
    )
    .bind(row.whiskey_id)
    .bind(tenant.value())
    .bind(row.sequence)
    .bind(row.owner)
    .bind(&row.status)
    .bind(&row.details.name)
    .bind(&row.details.distillery)
    .bind(row.details.category.word())
    .bind(&row.original_litres_of_alcohol)
    .bind(&row.details)
    .bind(row.registered_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// All but the details.
async fn update(connection: &mut PgConnection, row: &WhiskeyRow) -> Result<(), ApplyError> {
    sqlx::query(
        "update whiskeys set sequence = $2, owner = $3, status = $4,
             original_litres_of_alcohol = $5::text::numeric,
             regauged_litres_of_alcohol = $6::text::numeric, rejection_reason = $7, network = $8,
             offered_to = $9, retire_reason = $10, attachments = $11, changed_at = $12
         where whiskey_id = $1",
    )
    .bind(row.whiskey_id)
    .bind(row.sequence)
    .bind(row.owner)
    .bind(&row.status)
    .bind(&row.original_litres_of_alcohol)
    .bind(&row.regauged_litres_of_alcohol)
    .bind(&row.rejection_reason)
    .bind(&row.network)
    .bind(row.offered_to)
    .bind(&row.retire_reason)
    .bind(&row.attachments)
    .bind(row.changed_at)
    .execute(connection)
    .await?;
    Ok(())
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
