//! The order of a list, and how it is read on from a cask.

use domain::fixed::Fixed;
use domain::id::WhiskeyId;
use sqlx::{Postgres, QueryBuilder};

use super::WhiskeyRow;

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

/// An order in which every cask has its place: equals stand in the order they were registered in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    keys: Vec<Sort>,
    newest_first: bool,
}

/// The cask that a page ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub whiskey: WhiskeyId,
    /// What it says of each thing the list is sorted by.
    pub values: Vec<Option<String>>,
}

/// One reading of an index: where a cask need not say what the list is sorted by first, those that
/// do not come in a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Saying,
    Silent,
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

    /// From the text a value is handed over as.
    const fn cast(self) -> &'static str {
        match self {
            Self::Name => "::text",
            Self::Age | Self::Vintage => "::text::smallint",
            Self::Price => "::text::numeric",
            Self::RegisteredAt => "::text::bigint",
        }
    }

    const fn may_be_unsaid(self) -> bool {
        matches!(self, Self::Age | Self::Vintage | Self::Price)
    }

    fn of(self, row: &WhiskeyRow) -> Option<String> {
        let details = &row.details.0;
        match self {
            Self::Name => Some(details.name.clone()),
            Self::Age => details.age.map(|age| age.to_string()),
            Self::Vintage => details.vintage.map(|year| year.to_string()),
            Self::Price => details.market_value.as_ref().map(|money| money.amount.to_string()),
            Self::RegisteredAt => Some(row.whiskey_id.to_string()),
        }
    }

    fn can_be(self, value: Option<&str>) -> bool {
        match (self, value) {
            (_, None) => self.may_be_unsaid(),
            (Self::Name, Some(text)) => !text.contains('\0'),
            (Self::Age | Self::Vintage, Some(text)) => text.parse::<i16>().is_ok(),
            (Self::Price, Some(text)) => Fixed::<4>::parse(text).is_ok(),
            (Self::RegisteredAt, Some(text)) => text.parse::<i64>().is_ok(),
        }
    }
}

impl Sort {
    const fn direction(self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    const fn comparison(self) -> &'static str {
        if self.descending { "<" } else { ">" }
    }
}

impl Order {
    /// Newest first, if nothing is asked for. Whatever comes after the time makes no difference.
    pub fn of(sort: &[Sort]) -> Self {
        let is_time = |sort: &Sort| sort.key == SortKey::RegisteredAt;
        let keys = sort.iter().take_while(|sort| !is_time(sort)).copied().collect();
        let deciding = sort.iter().find(|sort| is_time(sort)).or(sort.first());
        Self { keys, newest_first: deciding.is_none_or(|sort| sort.descending) }
    }

    /// The place of a cask.
    pub fn place(&self, row: &WhiskeyRow) -> After {
        let values = self.keys.iter().map(|sort| sort.key.of(row)).collect();
        After { whiskey: WhiskeyId::new(row.whiskey_id), values }
    }

    /// Whether a place is one of this order.
    pub fn has(&self, place: &After) -> bool {
        let fits = |(sort, value): (&Sort, &Option<String>)| sort.key.can_be(value.as_deref());
        self.keys.len() == place.values.len() && self.keys.iter().zip(&place.values).all(fits)
    }

    pub(super) fn push(&self, query: &mut QueryBuilder<'_, Postgres>) {
        query.push(" order by ");
        self.push_keys(query, &self.keys);
    }

    /// The same within a part, where the first is said by all or by none, as indexes are read.
    pub(super) fn push_within(&self, query: &mut QueryBuilder<'_, Postgres>, part: Part) {
        query.push(" order by ");
        let [first, rest @ ..] = self.keys.as_slice() else {
            return self.push_keys(query, &[]);
        };
        if part != Part::Silent {
            query.push(format!("{} {}, ", first.key.column(), first.direction()));
        }
        self.push_keys(query, rest);
    }

    fn push_keys(&self, query: &mut QueryBuilder<'_, Postgres>, keys: &[Sort]) {
        for sort in keys {
            query.push(format!("{} {} nulls last, ", sort.key.column(), sort.direction()));
        }
        query.push(if self.newest_first { "whiskey_id desc" } else { "whiskey_id asc" });
    }

    /// The parts that are left after a place, and the place where it lies within one.
    pub(super) fn parts<'a>(&self, after: Option<&'a After>) -> Vec<(Part, Option<&'a After>)> {
        if !self.keys.first().is_some_and(|sort| sort.key.may_be_unsaid()) {
            return vec![(Part::Whole, after)];
        }
        match after {
            Some(after) if after.values.first() == Some(&None) => {
                vec![(Part::Silent, Some(after))]
            }
            after => vec![(Part::Saying, after), (Part::Silent, None)],
        }
    }

    /// Adds what holds for the casks of a part that come after a place.
    pub(super) fn conditions(
        &self,
        query: &mut QueryBuilder<'_, Postgres>,
        part: Part,
        after: Option<&After>,
    ) {
        let column = self.keys.first().map_or("whiskey_id", |sort| sort.key.column());
        match part {
            Part::Whole => {}
            Part::Saying => {
                query.push(format!(" and {column} is not null"));
            }
            Part::Silent => {
                query.push(format!(" and {column} is null"));
            }
        }
        if let Some(after) = after {
            let said = usize::from(part == Part::Silent);
            let places: Vec<_> = self.keys.iter().zip(&after.values).skip(said).collect();
            self.behind(query, &places, after.whiskey);
        }
    }

    fn behind(
        &self,
        query: &mut QueryBuilder<'_, Postgres>,
        places: &[(&Sort, &Option<String>)],
        whiskey: WhiskeyId,
    ) {
        let id_comparison = if self.newest_first { "<" } else { ">" };
        // In a part, only the first is known to be said, or cannot be left unsaid.
        let is_said = |sort: &Sort| places.len() == self.keys.len() || !sort.key.may_be_unsaid();
        match places {
            [] => {
                query.push(format!(" and whiskey_id {id_comparison} "));
                query.push_bind(whiskey.value());
            }
            // In the words an index is entered by.
            [(sort, Some(value))] if sort.descending == self.newest_first && is_said(sort) => {
                query.push(format!(" and ({}, whiskey_id) ", sort.key.column()));
                query.push(format!("{id_comparison} (")).push_bind(value.clone());
                query.push(sort.key.cast()).push(", ").push_bind(whiskey.value()).push(")");
            }
            places => {
                if let [(sort, Some(value)), ..] = places
                    && is_said(sort)
                {
                    // Where the index is entered; what follows says it exactly.
                    query.push(format!(" and {} {}= ", sort.key.column(), sort.comparison()));
                    query.push_bind(value.clone()).push(sort.key.cast());
                }
                query.push(" and (");
                for (index, (sort, value)) in places.iter().enumerate() {
                    equal(query, &places[..index]);
                    further(query, sort, value.as_deref());
                    query.push(" or ");
                }
                equal(query, places);
                query.push(format!("whiskey_id {id_comparison} "));
                query.push_bind(whiskey.value()).push(")");
            }
        }
    }
}

fn equal(query: &mut QueryBuilder<'_, Postgres>, places: &[(&Sort, &Option<String>)]) {
    for (sort, value) in places {
        query.push(sort.key.column());
        match value {
            Some(value) => {
                query.push(" = ").push_bind(value.clone()).push(sort.key.cast());
            }
            None => {
                query.push(" is null");
            }
        }
        query.push(" and ");
    }
}

/// What is unsaid comes after everything said, and nothing comes after it.
fn further(query: &mut QueryBuilder<'_, Postgres>, sort: &Sort, value: Option<&str>) {
    let Some(value) = value else {
        query.push("false");
        return;
    };
    let (column, comparison) = (sort.key.column(), sort.comparison());
    query.push(format!("({column} {comparison} ")).push_bind(value.to_owned());
    query.push(sort.key.cast());
    if sort.key.may_be_unsaid() {
        query.push(format!(" or {column} is null"));
    }
    query.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn by(key: SortKey, descending: bool) -> Sort {
        Sort { key, descending }
    }

    fn conditions(sort: &[Sort], values: &[Option<&str>]) -> Vec<String> {
        let values = values.iter().map(|value| value.map(str::to_owned)).collect();
        let after = After { whiskey: WhiskeyId::new(7), values };
        let order = Order::of(sort);
        let written = |(part, after)| {
            let mut query = QueryBuilder::new("");
            order.conditions(&mut query, part, after);
            order.push_within(&mut query, part);
            query.into_sql()
        };
        order.parts(Some(&after)).into_iter().map(written).collect()
    }

    #[test]
    fn the_newest_come_first_and_the_time_decides_alone() {
        assert_eq!(conditions(&[], &[]), [" and whiskey_id < $1 order by whiskey_id desc"]);
        let oldest = [by(SortKey::RegisteredAt, false), by(SortKey::Name, true)];
        assert_eq!(conditions(&oldest, &[]), [" and whiskey_id > $1 order by whiskey_id asc"]);
    }

    #[test]
    fn those_that_do_not_say_come_in_a_part_of_their_own() {
        assert_eq!(
            conditions(&[by(SortKey::Age, true)], &[Some("12")]),
            [
                " and age is not null and (age, whiskey_id) < ($1::text::smallint, $2) \
                 order by age desc, whiskey_id desc",
                " and age is null order by whiskey_id desc",
            ]
        );
        assert_eq!(
            conditions(&[by(SortKey::Age, false)], &[None]),
            [" and age is null and whiskey_id > $1 order by whiskey_id asc"]
        );
    }

    #[test]
    fn mixed_directions_are_said_exactly() {
        let sort = [by(SortKey::Name, false), by(SortKey::Price, true)];
        assert_eq!(
            conditions(&sort, &[Some("Ard"), None]),
            [" and name >= $1::text and ((name > $2::text) or name = $3::text and false or \
              name = $4::text and price is null and whiskey_id > $5) \
              order by name asc, price desc nulls last, whiskey_id asc"]
        );
    }

    #[test]
    fn a_place_is_of_the_order_it_was_made_in() {
        let order = Order::of(&[by(SortKey::Age, true), by(SortKey::Price, false)]);
        let has = |values: &[Option<&str>]| {
            let values = values.iter().map(|value| value.map(str::to_owned)).collect();
            order.has(&After { whiskey: WhiskeyId::new(7), values })
        };
        assert!(has(&[Some("12"), Some("8400.0000")]) && has(&[None, None]));
        assert!(!has(&[]) && !has(&[Some("12")]) && !has(&[Some("old"), None]));
        assert!(!has(&[Some("12"), Some("1e9")]) && !has(&[Some("99999"), None]));
    }
}
