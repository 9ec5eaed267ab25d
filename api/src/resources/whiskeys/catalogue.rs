//! The catalogue: entering a cask, lists of casks, and finding them by words.

use std::collections::BTreeMap;

use commands::Commands;
use domain::permission::Permission;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::whiskeys::{self, Order, Search, Start};
use projections::{Projection, Readers};

use super::cursor::List;
use super::filters::{Asked, bounded, sorted_by};
use super::registration::RegisterWhiskeyBody;
use super::shown::Whiskey;
use super::{Changed, changed};
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::Body;
use crate::http::envelope::{Created, Found, Pagination};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};
use crate::resources::Tag;

pub struct Catalogue {
    pub commands: Commands,
    pub readers: Readers,
}

/// What was found, the best first.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Finds {
    items: Vec<Whiskey>,
    /// How many of what was found have which value: of brand, distillery, region, category, age,
    /// vintage, price and status, the most frequent twenty each.
    facets: BTreeMap<String, Vec<FacetValue>>,
    /// What was looked for instead, if nothing has the words that were typed.
    instead: Option<String>,
}

#[derive(Object)]
struct FacetValue {
    value: String,
    count: i64,
}

impl From<Search> for Finds {
    fn from(found: Search) -> Self {
        let mut facets: BTreeMap<String, Vec<FacetValue>> = BTreeMap::new();
        for row in found.facets {
            facets
                .entry(row.facet.to_owned())
                .or_default()
                .push(FacetValue { value: row.value, count: row.count });
        }
        let items = found.items.into_iter().map(Whiskey::from).collect();
        Self { items, facets, instead: found.instead }
    }
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Catalogue {
    /// Register a cask
    #[oai(path = "/whiskeys", method = "post", operation_id = "register_whiskey")]
    async fn register_whiskey(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RegisterWhiskeyBody>,
    ) -> Result<Created<Changed>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.register_whiskey(&asked, body.value).await?;
        let location = format!("/api/v1/whiskeys/{}", done.answer);
        Ok(Created::new(changed(&done, "PENDING")).at(location).done(&done))
    }

    /// The catalogue; newest first, if no order is asked for
    ///
    /// Page on with `cursor`, the `nextCursor` of the page before, and the same filters and order:
    /// however far in, it takes no longer. Up to a thousand are counted.
    #[oai(path = "/whiskeys", method = "get", operation_id = "whiskeys")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn whiskeys(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// An owner's id, or `me`.
        owner: Query<Option<String>>,
        status: Query<Option<String>>,
        category: Query<Option<String>>,
        brand: Query<Option<String>>,
        distillery: Query<Option<String>>,
        region: Query<Option<String>>,
        /// Full years, as in `12`, `10-17`, `25-` or `-9`.
        age: Query<Option<String>>,
        /// Years, as in `2012` or `2010-2019`.
        vintage: Query<Option<String>>,
        /// Amounts, as in `1000-9999`; wants `currency`.
        price: Query<Option<String>>,
        currency: Query<Option<String>>,
        /// Of name, age, vintage, price and registeredAt; `-` before one turns it round.
        sort: Query<Option<String>>,
        cursor: Query<Option<String>>,
        /// From 1; not with a cursor.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Whiskey>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let is_numbered = number.0.is_some();
        let page = page(number.0, limit.0)?;
        let asked = Asked {
            owner: owner.0,
            status: status.0,
            category: category.0,
            names: [brand.0, distillery.0, region.0],
            age: age.0,
            vintage: vintage.0,
            price: price.0,
            currency: currency.0,
        };
        let (filter, order) = (asked.filter(&actor)?, Order::of(&sorted_by(sort.0)?));
        let list = List::of(&actor, &filter, &order);
        let after = cursor.0.map(|text| list.read(&text, is_numbered)).transpose()?;
        caught_up(&self.readers, whiskeys::Whiskeys::NAME, min_position.0).await?;
        let start = match &after {
            Some(cursor) => Start::After(cursor.after.clone(), page.size),
            None => Start::Page(page),
        };
        let found = self.readers.whiskeys(actor.tenant(), &filter, &order, &start).await?;
        let total = found.total.or(after.map(|cursor| cursor.total)).unwrap_or_default();
        let last = found.items.last().filter(|_| found.more);
        let next = last.map(|row| list.cursor(order.place(row), total));
        let pagination = match start {
            Start::Page(page) => Pagination::of(page, total).reading_on(next),
            Start::After(_, size) => Pagination::by_cursor(size, total, next),
        };
        let shown = found.items.into_iter().map(Whiskey::from).collect();
        Ok(Found::new(shown).paged(pagination))
    }

    /// Find casks by words
    ///
    /// All words have to be there, the last one at least in its beginning; in English with other
    /// endings, too. Up to a hundred are found, of more those among the casks registered last; these
    /// are counted, and sorted by how well they fit or as it is asked for.
    #[oai(path = "/whiskeys/search", method = "get", operation_id = "search_whiskeys")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn search_whiskeys(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// What is looked for. Everything, if left out.
        q: Query<Option<String>>,
        /// An owner's id, or `me`.
        owner: Query<Option<String>>,
        status: Query<Option<String>>,
        category: Query<Option<String>>,
        brand: Query<Option<String>>,
        distillery: Query<Option<String>>,
        region: Query<Option<String>>,
        /// Full years, as in `12`, `10-17`, `25-` or `-9`.
        age: Query<Option<String>>,
        /// Years, as in `2012` or `2010-2019`.
        vintage: Query<Option<String>>,
        /// Amounts, as in `1000-9999`; wants `currency`.
        price: Query<Option<String>>,
        currency: Query<Option<String>>,
        /// Of name, age, vintage, price and registeredAt; by how well it fits, if left out.
        sort: Query<Option<String>>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Finds>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let page = page(number.0, limit.0)?;
        let text = bounded("q", q.0, 200)?.unwrap_or_default();
        let asked = Asked {
            owner: owner.0,
            status: status.0,
            category: category.0,
            names: [brand.0, distillery.0, region.0],
            age: age.0,
            vintage: vintage.0,
            price: price.0,
            currency: currency.0,
        };
        let (filter, sort) = (asked.filter(&actor)?, sorted_by(sort.0)?);
        let order = (!sort.is_empty()).then(|| Order::of(&sort));
        caught_up(&self.readers, whiskeys::Whiskeys::NAME, min_position.0).await?;
        let tenant = actor.tenant();
        let found =
            self.readers.search_whiskeys(tenant, &text, &filter, order.as_ref(), page).await?;
        let pagination = Pagination::of(page, found.total);
        Ok(Found::new(found.into()).paged(pagination))
    }
}
