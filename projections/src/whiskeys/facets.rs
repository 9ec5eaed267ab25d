//! What was found, counted by what it is.

use std::collections::HashMap;
use std::hash::Hash;

use sqlx::FromRow;

use super::marks::{AGES, PRICES, range_of_age};

/// How many of what was found have a value.
#[derive(Clone, Debug)]
pub struct FacetRow {
    pub facet: &'static str,
    pub value: String,
    pub count: i64,
}

/// How many values of each facet are told, the most frequent ones.
const FACET_VALUES: usize = 20;

/// What was found, in order, and what of it is counted. Column by column: hundreds of rows take the
/// database and us longer to hand over than to find.
#[derive(Default, FromRow)]
pub(super) struct Finds {
    pub whiskeys: Vec<i64>,
    brands: Vec<Option<String>>,
    distilleries: Vec<Option<String>>,
    regions: Vec<Option<String>>,
    categories: Vec<Option<String>>,
    statuses: Vec<Option<String>>,
    ages: Vec<Option<i16>>,
    vintages: Vec<Option<i16>>,
    currencies: Vec<Option<String>>,
    /// Which of the ranges the price lies in.
    prices: Vec<Option<i16>>,
}

/// Goes on from rows that are `ordered`.
pub(super) const COLUMN_BY_COLUMN: &str = ") select
    coalesce(array_agg(whiskey_id), '{}') as whiskeys,
    coalesce(array_agg(brand), '{}') as brands,
    coalesce(array_agg(distillery), '{}') as distilleries,
    coalesce(array_agg(region), '{}') as regions,
    coalesce(array_agg(category), '{}') as categories,
    coalesce(array_agg(status), '{}') as statuses,
    coalesce(array_agg(age), '{}') as ages,
    coalesce(array_agg(vintage), '{}') as vintages,
    coalesce(array_agg(currency), '{}') as currencies,
    coalesce(array_agg((case when price < 1000 then 0 when price < 10000 then 1
        when price < 100000 then 2 when price >= 100000 then 3 end)::smallint), '{}') as prices
    from ordered";

impl Finds {
    /// Numbers are told by ranges, prices within their currency; facet by facet, the most frequent
    /// values first.
    pub fn facets(&self) -> Vec<FacetRow> {
        let ages = self.ages.iter().flatten().map(|age| range_of_age(*age));
        let decades = self.vintages.iter().flatten().map(|year| year / 10 * 10);
        let prices = self.currencies.iter().zip(&self.prices);
        let prices = prices.filter_map(|(currency, range)| Some((currency.as_ref()?, (*range)?)));
        [
            counted("age", ages, |range| AGES[range].1.to_owned()),
            texts("brand", &self.brands),
            texts("category", &self.categories),
            texts("distillery", &self.distilleries),
            counted("price", prices, |(currency, range)| {
                let range = usize::try_from(range).unwrap_or_default().min(PRICES.len() - 1);
                format!("{currency} {}", PRICES[range])
            }),
            texts("region", &self.regions),
            texts("status", &self.statuses),
            counted("vintage", decades, |from| format!("{from}-{}", from + 9)),
        ]
        .concat()
    }
}

fn texts(facet: &'static str, values: &[Option<String>]) -> Vec<FacetRow> {
    counted(facet, values.iter().flatten(), String::clone)
}

fn counted<K: Eq + Hash>(
    facet: &'static str,
    values: impl Iterator<Item = K>,
    told: impl Fn(K) -> String,
) -> Vec<FacetRow> {
    let mut counts: HashMap<K, i64> = HashMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let told = |(value, count)| FacetRow { facet, value: told(value), count };
    let mut rows: Vec<_> = counts.into_iter().map(told).collect();
    rows.sort_by(|row, other| (other.count, &row.value).cmp(&(row.count, &other.value)));
    rows.truncate(FACET_VALUES);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_values_come_first_and_nothing_is_no_value() {
        let some = |text: &str| Some(text.to_owned());
        let finds = Finds {
            whiskeys: vec![1, 2, 3],
            brands: vec![None, None, None],
            distilleries: vec![some("Ardcairn"), some("B"), some("B")],
            ages: vec![Some(9), None, Some(25)],
            vintages: vec![Some(1998), Some(1990), Some(1999)],
            currencies: vec![None, some("GBP"), None],
            prices: vec![None, Some(1), None],
            ..Finds::default()
        };
        let told = finds.facets();
        let of = |facet: &str| -> Vec<(&str, i64)> {
            let rows = told.iter().filter(|row| row.facet == facet);
            rows.map(|row| (row.value.as_str(), row.count)).collect()
        };
        assert_eq!(of("distillery"), [("B", 2), ("Ardcairn", 1)]);
        assert_eq!(of("age"), [("0-9", 1), ("25-", 1)]);
        assert_eq!(of("vintage"), [("1990-1999", 3)]);
        assert_eq!(of("price"), [("GBP 1000-9999", 1)]);
        assert_eq!(of("brand"), []);
    }

    #[test]
    fn twenty_values_of_a_facet_are_told() {
        let distilleries = (0..30).map(|number| Some(number.to_string())).collect();
        let finds = Finds { distilleries, ..Finds::default() };
        assert_eq!(finds.facets().len(), 20);
    }
}
