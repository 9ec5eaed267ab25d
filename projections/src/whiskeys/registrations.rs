//! Casks that were registered one behind the other, written by one statement: an import registers
//! them faster than rows could be written one by one.

use std::collections::BTreeSet;

use domain::id::TenantId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{WhiskeyRow, marks, remember_words, texts, words};
use crate::projection::ApplyError;

/// Rows that wait to be written, column by column.
#[derive(Default)]
pub(super) struct Registrations {
    ids: Vec<i64>,
    tenants: Vec<i64>,
    sequences: Vec<i64>,
    owners: Vec<i64>,
    names: Vec<String>,
    brands: Vec<Option<String>>,
    distilleries: Vec<String>,
    regions: Vec<Option<String>>,
    categories: Vec<&'static str>,
    ages: Vec<Option<i16>>,
    vintages: Vec<Option<i16>>,
    prices: Vec<Option<String>>,
    currencies: Vec<Option<String>>,
    words: Vec<String>,
    litres: Vec<String>,
    details: Vec<String>,
    times: Vec<OffsetDateTime>,
    meant: BTreeSet<(i64, String)>,
}

impl Registrations {
    pub fn add(&mut self, row: WhiskeyRow, tenant: TenantId) -> Result<(), ApplyError> {
        let (details, tenant) = (row.details.0, tenant.value());
        let (document, meant) = words::document(&texts(&details), &marks(&details));
        self.ids.push(row.whiskey_id);
        self.tenants.push(tenant);
        self.sequences.push(row.sequence);
        self.owners.push(row.owner);
        self.words.push(document);
        self.meant.extend(meant.into_iter().map(|word| (tenant, word)));
        self.litres.push(row.original_litres_of_alcohol);
        self.details.push(
            serde_json::to_string(&details).map_err(|error| sqlx::Error::Encode(error.into()))?,
        );
        self.times.push(row.registered_at);
        self.categories.push(details.category.word());
        self.ages.push(details.age.map(i16::from));
        self.vintages.push(details.vintage.and_then(|year| i16::try_from(year).ok()));
        let money = details.market_value;
        self.prices.push(money.as_ref().map(|money| money.amount.to_string()));
        self.currencies.push(money.map(|money| money.currency.as_str().to_owned()));
        self.names.push(details.name);
        self.brands.push(details.brand);
        self.distilleries.push(details.distillery);
        self.regions.push(details.region);
        Ok(())
    }

    pub async fn write(self, connection: &mut PgConnection) -> Result<(), ApplyError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        // Unnested here and not below "from", where PostgreSQL would copy all rows aside first.
        sqlx::query(
            "insert into whiskeys (status, whiskey_id, tenant, sequence, owner, name, brand,
                 distillery, region, category, age, vintage, price, currency, words,
                 original_litres_of_alcohol, details, registered_at, changed_at)
             select 'PENDING', unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]),
                 unnest($4::bigint[]), unnest($5::text[]), unnest($6::text[]), unnest($7::text[]),
                 unnest($8::text[]), unnest($9::text[]), unnest($10::smallint[]),
                 unnest($11::smallint[]), unnest($12::text[])::numeric, unnest($13::text[]),
                 unnest($14::text[])::tsvector, unnest($15::text[])::numeric,
                 unnest($16::text[])::jsonb, unnest($17::timestamptz[]),
                 unnest($17::timestamptz[])",
        )
        .bind(self.ids)
        .bind(self.tenants)
        .bind(self.sequences)
        .bind(self.owners)
        .bind(self.names)
        .bind(self.brands)
        .bind(self.distilleries)
        .bind(self.regions)
        .bind(self.categories)
        .bind(self.ages)
        .bind(self.vintages)
        .bind(self.prices)
        .bind(self.currencies)
        .bind(self.words)
        .bind(self.litres)
        .bind(self.details)
        .bind(self.times)
        .execute(&mut *connection)
        .await?;
        remember_words(connection, self.meant).await
    }
}
