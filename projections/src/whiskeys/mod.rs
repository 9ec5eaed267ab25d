//! Casks: one, the catalogue, and how they are found.

mod cask;
mod catalogue;
mod dictionary;
mod facets;
mod marks;
mod order;
mod registrations;
mod search;
mod slices;
mod way;
mod words;

use std::collections::BTreeMap;

pub use catalogue::{COUNTED, Filter, Listed, Start};
use domain::id::{TenantId, WhiskeyId};
use domain::whiskey::details::Details;
use domain::whiskey::{Attachment, Whiskey, WhiskeyEvent};
use eventstore::Recorded;
pub use facets::FacetRow;
pub use order::{After, Order, Sort, SortKey};
pub use search::Search;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use self::registrations::Registrations;
use self::words::Document;
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
    const VERSION: i32 = 7;
    const TABLES: &'static str = include_str!("../../migrations/whiskeys.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        self.apply_all(connection, &[event]).await
    }

    /// Registrations that follow each other are written at once.
    async fn apply_all(
        &self,
        connection: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<(), ApplyError> {
        let mut registrations = Registrations::default();
        for event in events {
            match event.event::<Whiskey>()? {
                Some(registered @ WhiskeyEvent::WhiskeyRegistered { .. }) => {
                    if let Some(row) = WhiskeyRow::after(None, event, registered)? {
                        registrations.add(row, event.tenant)?;
                    }
                }
                Some(later) => {
                    std::mem::take(&mut registrations).write(connection).await?;
                    change(connection, event, later).await?;
                }
                None => {}
            }
        }
        registrations.write(connection).await
    }
}

/// What happens to a cask after its registration.
async fn change(
    connection: &mut PgConnection,
    event: &Recorded,
    happened: WhiskeyEvent,
) -> Result<(), ApplyError> {
    let before = load(connection, event.id()?).await?;
    let Some(row) = WhiskeyRow::after(Some(before.clone()), event, happened)? else {
        return Ok(());
    };
    if row.details != before.details {
        write_details(connection, &row).await?;
    }
    write_words(connection, &before, &row, event.tenant).await?;
    update(connection, &row).await
}

/// The details, and the columns that lists are filtered and sorted by.
async fn write_details(connection: &mut PgConnection, row: &WhiskeyRow) -> Result<(), ApplyError> {
    let details = &row.details.0;
    let price = details.market_value.as_ref();
    sqlx::query(
        "update whiskeys set name = $2, brand = $3, distillery = $4, region = $5, category = $6,
             age = $7, vintage = $8, price = $9::text::numeric, currency = $10,
             details = $11
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
    .bind(Json(details))
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// What it is found by, if that is something else than before.
async fn write_words(
    connection: &mut PgConnection,
    before: &WhiskeyRow,
    row: &WhiskeyRow,
    tenant: TenantId,
) -> Result<(), ApplyError> {
    let of = |row: &WhiskeyRow| Document::of(&texts(&row.details.0), &marks::of(row));
    let (old, mut new) = (of(before), of(row));
    if old.text == new.text {
        return Ok(());
    }
    let (number,): (i64,) = sqlx::query_as("select number from whiskeys where whiskey_id = $1")
        .bind(row.whiskey_id)
        .fetch_one(&mut *connection)
        .await?;
    slices::of(number).for_each(|mark| new.add(&mark));
    sqlx::query("update whiskeys set words = $2::text::tsvector where whiskey_id = $1")
        .bind(row.whiskey_id)
        .bind(new.text)
        .execute(&mut *connection)
        .await?;
    let mut words = BTreeMap::new();
    for (word, written) in &old.counted {
        words.insert((tenant.value(), word.clone()), (-1, *written));
    }
    for (word, written) in new.counted {
        words.entry((tenant.value(), word)).or_insert((0, written)).0 += 1;
    }
    words.retain(|_, (casks, _)| *casks != 0);
    count_words(connection, words).await
}
/// How many casks more have a word of a tenant, and whether somebody wrote it so.
type Counts = BTreeMap<(i64, String), (i64, bool)>;

async fn count_words(connection: &mut PgConnection, words: Counts) -> Result<(), ApplyError> {
    let (words, counts): (Vec<_>, Vec<_>) = words.into_iter().unzip();
    let (tenants, words): (Vec<i64>, Vec<String>) = words.into_iter().unzip();
    let (casks, written): (Vec<i64>, Vec<bool>) = counts.into_iter().unzip();
    sqlx::query(
        "insert into words as known (tenant, word, casks, written)
         select unnest($1::bigint[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::boolean[])
         on conflict (tenant, word) do update set casks = known.casks + excluded.casks,
             written = known.written or excluded.written",
    )
    .bind(tenants)
    .bind(words)
    .bind(casks)
    .bind(written)
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
