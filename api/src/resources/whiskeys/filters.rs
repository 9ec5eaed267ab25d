//! What of the catalogue is wanted, and in which order, as it is asked for.

use domain::fixed::Fixed;
use domain::id::UserId;
use domain::permission::Actor;
use domain::violation::{Violation, bounded_text};
use domain::whiskey::details::{Category, Currency};
use projections::whiskeys::{Filter, Sort, SortKey};

use crate::http::problem::Problem;
use crate::http::reading::word;

/// Filters as they were asked for.
pub(super) struct Asked {
    pub owner: Option<String>,
    pub status: Option<String>,
    pub category: Option<String>,
    /// Brand, distillery, region.
    pub names: [Option<String>; 3],
    pub age: Option<String>,
    pub vintage: Option<String>,
    pub price: Option<String>,
    pub currency: Option<String>,
}

const STATUSES: [&str; 6] =
    ["PENDING", "APPROVED", "REJECTED", "TOKENISING", "TOKENISED", "RETIRED"];

impl Asked {
    pub fn filter(self, actor: &Actor) -> Result<Filter, Problem> {
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
pub(super) fn sorted_by(text: Option<String>) -> Result<Vec<Sort>, Problem> {
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

pub(super) fn bounded(
    field: &str,
    text: Option<String>,
    max: usize,
) -> Result<Option<String>, Problem> {
    let read = |text: String| {
        bounded_text(&text, 1, max).map_err(|violation| Problem::invalid_field(field, violation))
    };
    text.filter(|text| !text.is_empty()).map(read).transpose()
}

pub(in crate::resources) fn owner_named(text: &str, actor: &Actor) -> Result<UserId, Problem> {
    match actor.user() {
        Some(user) if text == "me" => Ok(user),
        _ => text.parse().map_err(|violation| Problem::invalid_field("owner", violation)),
    }
}
