//! The catalogue: casks by filters, in an order, page by page.

use domain::id::{TenantId, UserId};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::order::{After, Order};
use super::words::all_marks;
use super::{COLUMNS, WhiskeyRow};
use crate::page::Page;
use crate::reading::{ReadError, Readers};

/// What of the catalogue is wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub owner: Option<UserId>,
    pub status: Option<String>,
    pub category: Option<String>,
    pub brand: Option<String>,
    pub distillery: Option<String>,
    pub region: Option<String>,
    /// Full years; both included, here and below.
    pub age: (Option<i16>, Option<i16>),
    pub vintage: (Option<i16>, Option<i16>),
    /// Decimal numbers, in this currency.
    pub price: (Option<String>, Option<String>),
    pub currency: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// By its number.
    Page(Page),
    /// After a cask, so many.
    After(After, u32),
}

/// A page of the catalogue.
#[derive(Clone, Debug)]
pub struct Listed {
    pub items: Vec<WhiskeyRow>,
    /// At most `COUNTED`. Nothing, on a page after a cask: it was told before.
    pub total: Option<i64>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// More are not counted: everybody would wait for a number nobody needs.
pub const COUNTED: i64 = 1_000;

impl Filter {
    /// Adds its conditions to a query that has one already.
    pub(super) fn conditions<'a>(&'a self, query: &mut QueryBuilder<'a, Postgres>) {
        if let Some(owner) = self.owner {
            query.push(" and owner = ").push_bind(owner.value());
        }
        let texts = [("status", &self.status), ("currency", &self.currency)];
        // Not by their columns as well: PostgreSQL would take them for twice as seldom.
        if let Some(marks) = all_marks(&self.names()) {
            query.push(" and words @@ ").push_bind(marks).push("::text::tsquery");
        }
        for (column, wanted) in texts {
            if let Some(wanted) = wanted {
                query.push(format!(" and {column} = ")).push_bind(wanted);
            }
        }
        self.ranges(query);
    }

    /// Adds what the numbers of a cask have to lie in.
    pub(super) fn ranges<'a>(&'a self, query: &mut QueryBuilder<'a, Postgres>) {
        for (column, (from, to)) in [("age", self.age), ("vintage", self.vintage)] {
            if let Some(from) = from {
                query.push(format!(" and {column} >= ")).push_bind(from);
            }
            if let Some(to) = to {
                query.push(format!(" and {column} <= ")).push_bind(to);
            }
        }
        for (comparison, bound) in [(">=", &self.price.0), ("<=", &self.price.1)] {
            if let Some(bound) = bound {
                query.push(format!(" and price {comparison} ")).push_bind(bound);
                query.push("::text::numeric");
            }
        }
    }
}

impl Readers {
    /// A page of the catalogue.
    pub async fn whiskeys(
        &self,
        tenant: TenantId,
        filter: &Filter,
        order: &Order,
        start: &Start,
    ) -> Result<Listed, ReadError> {
        let mut tx = self.listing(tenant).await?;
        // One more than wanted says whether there are more.
        let (mut items, size, total) = match start {
            Start::After(after, size) => {
                let wanted = i64::from(*size) + 1;
                let items = read_on(&mut tx, filter, order, Some(after), wanted).await?;
                (items, *size, None)
            }
            Start::Page(page) => {
                let wanted = page.limit() + 1;
                let items = match page.offset() {
                    0 => read_on(&mut tx, filter, order, None, wanted).await?,
                    offset => skip_to(&mut tx, filter, order, offset, wanted).await?,
                };
                (items, page.size, Some(count(&mut tx, filter).await?))
            }
        };
        tx.commit().await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = items.len() > size;
        items.truncate(size);
        Ok(Listed { items, total, more })
    }
}

async fn count(connection: &mut PgConnection, filter: &Filter) -> Result<i64, ReadError> {
    let some = "select count(*) from (select from read_whiskeys.whiskeys_of_tenant where true";
    let mut query = QueryBuilder::new(some);
    filter.conditions(&mut query);
    query.push(format!(" limit {COUNTED}) counted"));
    let (total,): (i64,) = query.build_query_as().fetch_one(connection).await?;
    Ok(total)
}

/// Reads an index from a place on, however far in it lies.
async fn read_on(
    connection: &mut PgConnection,
    filter: &Filter,
    order: &Order,
    after: Option<&After>,
    wanted: i64,
) -> Result<Vec<WhiskeyRow>, ReadError> {
    let mut items: Vec<WhiskeyRow> = Vec::new();
    for (part, after) in order.parts(after) {
        let missing = wanted - i64::try_from(items.len()).unwrap_or(i64::MAX);
        if missing > 0 {
            let mut query = from_tenant();
            filter.conditions(&mut query);
            order.conditions(&mut query, part, after);
            order.push_within(&mut query, part);
            query.push(" limit ").push_bind(missing);
            items.extend(query.build_query_as().fetch_all(&mut *connection).await?);
        }
    }
    Ok(items)
}

async fn skip_to(
    connection: &mut PgConnection,
    filter: &Filter,
    order: &Order,
    offset: i64,
    wanted: i64,
) -> Result<Vec<WhiskeyRow>, ReadError> {
    let mut query = from_tenant();
    filter.conditions(&mut query);
    order.push(&mut query);
    query.push(" limit ").push_bind(wanted).push(" offset ").push_bind(offset);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

fn from_tenant<'a>() -> QueryBuilder<'a, Postgres> {
    QueryBuilder::new(format!("select {COLUMNS} from read_whiskeys.whiskeys_of_tenant where true"))
}
