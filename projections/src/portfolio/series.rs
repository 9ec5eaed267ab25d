//! A portfolio as it is asked for: what is there, and what was there at the end of each of some days.

use std::collections::BTreeMap;

use domain::id::{TenantId, UserId};
use sqlx::{FromRow, Postgres, Transaction};
use time::Date;

use crate::reading::{ReadError, Readers};

/// How many currencies are answered at once. Anybody may value casks in as many as there are codes.
pub const CURRENCIES: usize = 20;

/// The casks of one currency.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Holding {
    /// Empty for casks without a value.
    pub currency: String,
    /// A decimal number.
    pub value: String,
    pub casks: i64,
}

/// What was there of one currency, day by day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    pub currency: String,
    /// A value and a count for each day asked for.
    pub points: Vec<(String, i64)>,
}

/// A person's casks.
#[derive(Clone, Debug)]
pub struct Portfolio {
    pub holdings: Vec<Holding>,
    pub series: Vec<Series>,
    /// There are more currencies than are answered.
    pub more: bool,
}

/// The balance of a currency at the end of a day of those asked for, by its number.
#[derive(FromRow)]
struct Balance {
    currency: String,
    point: i32,
    value: String,
    casks: i64,
}

impl Readers {
    /// What a person's casks are worth, and were at the end of each of these days, which are in
    /// order. All currencies, or one.
    pub async fn portfolio(
        &self,
        tenant: TenantId,
        owner: UserId,
        currency: Option<&str>,
        days: &[Date],
    ) -> Result<Portfolio, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let mut holdings = holdings(&mut tx, tenant, owner, currency).await?;
        let balances = balances(&mut tx, tenant, owner, currency, days).await?;
        tx.commit().await?;
        let mut series = in_series(balances, days.len());
        let more = holdings.len() > CURRENCIES || series.len() > CURRENCIES;
        holdings.truncate(CURRENCIES);
        series.truncate(CURRENCIES);
        Ok(Portfolio { holdings, series, more })
    }
}

async fn holdings(
    tx: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
    owner: UserId,
    currency: Option<&str>,
) -> Result<Vec<Holding>, sqlx::Error> {
    sqlx::query_as(
        "select coalesce(currency, '') as currency, coalesce(sum(amount), 0)::text as value,
             count(*) as casks
         from read_portfolio.casks
         where tenant = $1 and owner = $2 and ($3::text is null or currency = $3)
         group by casks.currency order by casks.currency nulls last limit $4",
    )
    .bind(tenant.value())
    .bind(owner.value())
    .bind(currency)
    .bind(one_more_than_shown())
    .fetch_all(&mut **tx)
    .await
}

/// Changes are summed up to the first day that is asked for and not before them, then on from there.
async fn balances(
    tx: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
    owner: UserId,
    currency: Option<&str>,
    days: &[Date],
) -> Result<Vec<Balance>, sqlx::Error> {
    sqlx::query_as(
        "with shown as (
             select currency from read_portfolio.changes
             where tenant = $1 and owner = $2 and ($3::text is null or currency = $3)
                 and day <= $5
             group by currency order by currency = '', currency limit $6
         ), summed as (
             select currency, width_bucket(day - 1, $4::date[]) as point, sum(value) as value,
                 sum(casks) as casks
             from read_portfolio.changes join shown using (currency)
             where tenant = $1 and owner = $2 and day <= $5
             group by currency, point
         )
         select currency, point,
             (sum(value) over (partition by currency order by point))::text as value,
             (sum(casks) over (partition by currency order by point))::bigint as casks
         from summed order by currency = '', currency, point",
    )
    .bind(tenant.value())
    .bind(owner.value())
    .bind(currency)
    .bind(days)
    .bind(days.last())
    .bind(one_more_than_shown())
    .fetch_all(&mut **tx)
    .await
}

fn one_more_than_shown() -> i64 {
    i64::try_from(CURRENCIES + 1).unwrap_or(i64::MAX)
}

/// A day on which nothing changed is like the one before it.
fn in_series(balances: Vec<Balance>, days: usize) -> Vec<Series> {
    let mut currencies: Vec<String> = Vec::new();
    let mut by_point = BTreeMap::new();
    for balance in balances {
        if currencies.last() != Some(&balance.currency) {
            currencies.push(balance.currency.clone());
        }
        let point = usize::try_from(balance.point).unwrap_or_default();
        by_point.insert((balance.currency, point), (balance.value, balance.casks));
    }
    let series = |currency: String| {
        let mut last = ("0.0000".to_owned(), 0);
        let points = (0..days).map(|point| {
            if let Some(balance) = by_point.get(&(currency.clone(), point)) {
                last.clone_from(balance);
            }
            last.clone()
        });
        Series { points: points.collect(), currency }
    };
    currencies.into_iter().map(series).collect()
}
