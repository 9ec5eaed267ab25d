//! Portfolios: what a person's casks are worth, in each currency, today and on any day.

mod holding;
mod series;

use domain::id::UserId;
use domain::whiskey::details::{Currency, Money};
use domain::whiskey::{Whiskey, WhiskeyEvent};
use eventstore::Recorded;
use sqlx::PgConnection;
use time::Date;

use self::holding::{Change, Held, changes};
pub use self::series::{CURRENCIES, Holding, Portfolio, Series};
use crate::projection::{ApplyError, Projection};
use crate::users::at;

pub struct Portfolios;

impl Projection for Portfolios {
    const NAME: &'static str = "portfolio";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../../migrations/portfolio.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<Whiskey>()? else {
            return Ok(());
        };
        let before = match happened {
            WhiskeyEvent::WhiskeyRegistered { .. } => None,
            _ => load(connection, event.id()?).await?,
        };
        let after = Held::after(before.clone(), &happened);
        let changes = changes(before.as_ref(), after.as_ref());
        if changes.is_empty() {
            return Ok(());
        }
        match after {
            Some(held) => save(connection, event, held).await?,
            None => remove(connection, event.id()?).await?,
        }
        let day = at(event.metadata.occurred_at).date();
        for change in changes {
            note(connection, event, day, change).await?;
        }
        Ok(())
    }
}

async fn load(connection: &mut PgConnection, id: i64) -> Result<Option<Held>, sqlx::Error> {
    let row: Option<(i64, Option<String>, Option<String>)> =
        sqlx::query_as("select owner, amount::text, currency from casks where whiskey_id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    let Some((owner, amount, currency)) = row else {
        return Ok(None);
    };
    let value = amount.zip(currency).map(|(amount, currency)| money(&amount, &currency));
    Ok(Some(Held { owner: UserId::new(owner), value: value.transpose()? }))
}

/// What was written from an amount reads as one.
fn money(amount: &str, currency: &str) -> Result<Money, sqlx::Error> {
    let unreadable = |violation: domain::violation::Violation| {
        sqlx::Error::Decode(format!("{amount} {currency}: {violation}").into())
    };
    let amount = domain::fixed::Fixed::parse(amount).map_err(unreadable)?;
    Ok(Money { amount, currency: Currency::parse(currency).map_err(unreadable)? })
}

async fn save(
    connection: &mut PgConnection,
    event: &Recorded,
    held: Held,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into casks (whiskey_id, tenant, owner, amount, currency)
         values ($1, $2, $3, $4::text::numeric, $5)
         on conflict (whiskey_id) do update
         set owner = excluded.owner, amount = excluded.amount, currency = excluded.currency",
    )
    .bind(event.id()?)
    .bind(event.tenant.value())
    .bind(held.owner.value())
    .bind(held.value.as_ref().map(|money| money.amount.to_string()))
    .bind(held.value.as_ref().map(|money| money.currency.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove(connection: &mut PgConnection, id: i64) -> Result<(), ApplyError> {
    sqlx::query("delete from casks where whiskey_id = $1").bind(id).execute(connection).await?;
    Ok(())
}

async fn note(
    connection: &mut PgConnection,
    event: &Recorded,
    day: Date,
    change: Change,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into changes as c (tenant, owner, currency, day, value, casks)
         values ($1, $2, $3, $4, $5::text::numeric, $6)
         on conflict (tenant, owner, currency, day) do update
         set value = c.value + excluded.value, casks = c.casks + excluded.casks",
    )
    .bind(event.tenant.value())
    .bind(change.owner.value())
    .bind(change.currency)
    .bind(day)
    .bind(change.value.to_string())
    .bind(change.casks)
    .execute(connection)
    .await?;
    Ok(())
}
