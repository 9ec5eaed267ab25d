//! Casks that were registered one behind the other, written by one statement: an import registers
//! them faster than rows could be written one by one.

use std::collections::BTreeMap;

use domain::id::TenantId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::words::Document;
use super::{WhiskeyRow, count_words, marks, slices, texts};
use crate::projection::ApplyError;

/// Rows that wait to be written, column by column.
#[derive(Default)]
pub(super) struct Registrations {
    ids: Vec<i64>,
    tenants: Vec<i64>,
    numbers: Vec<i64>,
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
    documents: Vec<Document>,
    litres: Vec<String>,
    details: Vec<String>,
    times: Vec<OffsetDateTime>,
}

impl Registrations {
    pub fn add(&mut self, row: WhiskeyRow, tenant: TenantId) -> Result<(), ApplyError> {
        self.documents.push(Document::of(&texts(&row.details.0), &marks::of(&row)));
        let details = row.details.0;
        self.ids.push(row.whiskey_id);
        self.tenants.push(tenant.value());
        self.sequences.push(row.sequence);
        self.owners.push(row.owner);
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

    pub async fn write(mut self, connection: &mut PgConnection) -> Result<(), ApplyError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        self.number(connection).await?;
        let mut words = BTreeMap::new();
        for (tenant, document) in self.tenants.iter().zip(&mut self.documents) {
            for (word, written) in std::mem::take(&mut document.counted) {
                let (casks, was_written) = words.entry((*tenant, word)).or_insert((0, false));
                (*casks, *was_written) = (*casks + 1, *was_written || written);
            }
        }
        let documents: Vec<_> = self.documents.into_iter().map(|document| document.text).collect();
        // Unnested here and not below "from", where PostgreSQL would copy all rows aside first.
        sqlx::query(
            "insert into whiskeys (status, whiskey_id, tenant, number, sequence, owner, name, brand,
                 distillery, region, category, age, vintage, price, currency, words,
                 original_litres_of_alcohol, details, registered_at, changed_at)
             select 'PENDING', unnest($1::bigint[]), unnest($2::bigint[]), unnest($18::bigint[]),
                 unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::text[]), unnest($6::text[]), unnest($7::text[]),
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
        .bind(documents)
        .bind(self.litres)
        .bind(self.details)
        .bind(self.times)
        .bind(self.numbers)
        .execute(&mut *connection)
        .await?;
        count_words(connection, words).await
    }

    /// Each gets the next number of its tenant, and the marks that go with it.
    async fn number(&mut self, connection: &mut PgConnection) -> Result<(), ApplyError> {
        let mut next = BTreeMap::new();
        for tenant in &self.tenants {
            *next.entry(*tenant).or_insert(0) += 1;
        }
        for (tenant, casks) in &mut next {
            let (after,): (i64,) = sqlx::query_as(
                "insert into cellars (tenant, casks) values ($1, $2)
                 on conflict (tenant) do update set casks = cellars.casks + $2 returning casks",
            )
            .bind(tenant)
            .bind(*casks)
            .fetch_one(&mut *connection)
            .await?;
            *casks = after - *casks;
        }
        for (tenant, document) in self.tenants.iter().zip(&mut self.documents) {
            let next = next.entry(*tenant).or_default();
            slices::of(*next).for_each(|mark| document.add(&mark));
            self.numbers.push(*next);
            *next += 1;
        }
        Ok(())
    }
}
