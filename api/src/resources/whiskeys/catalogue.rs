//! The catalogue: entering a cask, lists of casks, and finding them by words.

use std::collections::BTreeMap;

use commands::Commands;
use domain::fixed::Fixed;
use domain::id::UserId;
use domain::permission::{Actor, Permission};
use domain::violation::{Violation, bounded_text};
use domain::whiskey::details::{Category, Currency};
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::whiskeys::{self, Filter, Search, Sort, SortKey};
use projections::{Projection, Readers};

use super::registration::RegisterWhiskeyBody;
use super::shown::Whiskey;
use super::{Changed, changed};
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::Body;
use crate::http::envelope::{Created, Found, Pagination};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page, word};
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
                .entry(row.facet)
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
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Whiskey>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
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
        let (filter, sort) = (asked.filter(&actor)?, order(sort.0)?);
        caught_up(&self.readers, whiskeys::Whiskeys::NAME, min_position.0).await?;
        let found = self.readers.whiskeys(actor.tenant(), &filter, &sort, page).await?;
        let shown = found.items.into_iter().map(Whiskey::from).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }

    /// Find casks by words
    ///
    /// All words have to be there, the last one at least in its beginning; in English with other
    /// endings, too. What is found is counted, and sorted by how well it fits, up to a thousand.
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
        let (filter, sort) = (asked.filter(&actor)?, order(sort.0)?);
        caught_up(&self.readers, whiskeys::Whiskeys::NAME, min_position.0).await?;
        let found =
            self.readers.search_whiskeys(actor.tenant(), &text, &filter, &sort, page).await?;
        let pagination = Pagination::of(page, found.total);
        Ok(Found::new(found.into()).paged(pagination))
    }
}

/// Filters as they were asked for.
struct Asked {
    owner: Option<String>,
    status: Option<String>,
    category: Option<String>,
    /// Brand, distillery, region.
    names: [Option<String>; 3],
    age: Option<String>,
    vintage: Option<String>,
    price: Option<String>,
    currency: Option<String>,
}

const STATUSES: [&str; 6] =
    ["PENDING", "APPROVED", "REJECTED", "TOKENISING", "TOKENISED", "RETIRED"];

impl Asked {
    fn filter(self, actor: &Actor) -> Result<Filter, Problem> {
        let [brand, distillery, region] = self.names;
        let currency = self.currency.map(|text| {
            Currency::parse(&text)
                .map_err(|violation| Problem::invalid_field("currency", violation))
        });
        let filter = Filter {
            owner: self.owner.map(|text| owner_named(&text, actor)).transpose()?,
            status: self.status.map(|text| word("status", text, &STATUSES)).transpose()?,
            category: self
                .category
                .map(|text| word("category", text, Category::WORDS))
                .transpose()?,
            brand: bounded("brand", brand, 100)?,
            distillery: bounded("distillery", distillery, 100)?,
            region: bounded("region", region, 100)?,
            age: range("age", self.age, |text| text.parse::<u8>().ok().map(i16::from))?,
            vintage: range("vintage", self.vintage, |text| {
                text.parse::<i16>().ok().filter(|year| (0..=9_999).contains(year))
            })?,
            price: range("price", self.price, |text| {
                Fixed::<4>::parse(text).ok().map(|amount| amount.to_string())
            })?,
            currency: currency.transpose()?.map(|currency| currency.as_str().to_owned()),
        };
        if filter.price != (None, None) && filter.currency.is_none() {
            return Err(Problem::invalid_field("currency", Violation::Required));
        }
        Ok(filter)
    }
}

/// `12`, `10-17`, `25-` or `-9`.
fn range<T: Clone>(
    field: &str,
    text: Option<String>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(Option<T>, Option<T>), Problem> {
    let Some(text) = text else {
        return Ok((None, None));
    };
    let malformed = || Problem::invalid_field(field, Violation::WrongType("a range such as 10-17"));
    let bound = |text: &str| match text {
        "" => Ok(None),
        text => read(text).map(Some).ok_or_else(malformed),
    };
    match text.split_once('-') {
        Some(("", "")) => Err(malformed()),
        Some((from, to)) => Ok((bound(from)?, bound(to)?)),
        None => {
            let only = read(&text).ok_or_else(malformed)?;
            Ok((Some(only.clone()), Some(only)))
        }
    }
}

/// `field,-field`.
fn order(text: Option<String>) -> Result<Vec<Sort>, Problem> {
    let keys = text.iter().flat_map(|text| text.split(','));
    let sort = |key: &str| {
        let (descending, name) = match key.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, key),
        };
        let known = SortKey::WORDS.into_iter().find(|(word, _)| *word == name);
        let words = || SortKey::WORDS.map(|(word, _)| word).join(", ");
        let (_, key) =
            known.ok_or_else(|| Problem::invalid_field("sort", Violation::NotOneOf(words())))?;
        Ok(Sort { key, descending })
    };
    keys.take(SortKey::WORDS.len()).map(sort).collect()
}

fn bounded(field: &str, text: Option<String>, max: usize) -> Result<Option<String>, Problem> {
    let read = |text: String| {
        bounded_text(&text, 1, max).map_err(|violation| Problem::invalid_field(field, violation))
    };
    text.filter(|text| !text.is_empty()).map(read).transpose()
}

/// An owner by id, or `me`.
pub(in crate::resources) fn owner_named(text: &str, actor: &Actor) -> Result<UserId, Problem> {
    match actor.user() {
        Some(user) if text == "me" => Ok(user),
        _ => text.parse().map_err(|violation| Problem::invalid_field("owner", violation)),
    }
}
