//! The catalogue: casks by filters, in an order, page by page.

use domain::id::{TenantId, UserId};
use sqlx::{Postgres, QueryBuilder};

use super::{COLUMNS, WhiskeyRow};
use crate::page::{Page, Paged};
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

/// What a list is sorted by. Casks that do not say come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    Name,
    Age,
    Vintage,
    Price,
    RegisteredAt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

impl SortKey {
    pub const WORDS: [(&'static str, Self); 5] = [
        ("name", Self::Name),
        ("age", Self::Age),
        ("vintage", Self::Vintage),
        ("price", Self::Price),
        ("registeredAt", Self::RegisteredAt),
    ];

    const fn column(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Age => "age",
            Self::Vintage => "vintage",
            Self::Price => "price",
            // Ids are made in the order of time.
            Self::RegisteredAt => "whiskey_id",
        }
    }
}

impl Filter {
    /// Adds its conditions to a query that has one already.
    pub(super) fn conditions<'a>(&'a self, query: &mut QueryBuilder<'a, Postgres>) {
        if let Some(owner) = self.owner {
            query.push(" and owner = ").push_bind(owner.value());
        }
        let texts = [
            ("status", &self.status),
            ("category", &self.category),
            ("brand", &self.brand),
            ("distillery", &self.distillery),
            ("region", &self.region),
            ("currency", &self.currency),
        ];
        for (column, wanted) in texts {
            if let Some(wanted) = wanted {
                query.push(format!(" and {column} = ")).push_bind(wanted);
            }
        }
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
                let query = query.push(format!(" and price {comparison} ")).push_bind(bound);
                query.push("::text::numeric");
            }
        }
    }
}

/// Adds an order in which every cask has its place.
pub(super) fn in_order(query: &mut QueryBuilder<'_, Postgres>, sort: &[Sort]) {
    query.push(" order by ");
    for Sort { key, descending } in sort {
        let direction = if *descending { "desc" } else { "asc" };
        query.push(format!("{} {direction} nulls last, ", key.column()));
    }
    query.push("whiskey_id desc");
}

impl Readers {
    /// A page of the catalogue; newest first, if nothing else is wanted.
    pub async fn whiskeys(
        &self,
        tenant: TenantId,
        filter: &Filter,
        sort: &[Sort],
        page: Page,
    ) -> Result<Paged<WhiskeyRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let mut counting =
            QueryBuilder::new("select count(*) from read_whiskeys.whiskeys where tenant = ");
        counting.push_bind(tenant.value());
        filter.conditions(&mut counting);
        let (total,): (i64,) = counting.build_query_as().fetch_one(&mut *tx).await?;
        let from = format!("select {COLUMNS} from read_whiskeys.whiskeys where tenant = ");
        let mut query = QueryBuilder::new(from);
        query.push_bind(tenant.value());
        filter.conditions(&mut query);
        in_order(&mut query, sort);
        query.push(" limit ").push_bind(page.limit()).push(" offset ").push_bind(page.offset());
        let items = query.build_query_as().fetch_all(&mut *tx).await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }
}
