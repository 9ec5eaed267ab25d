//! What casks are filtered by, as marks beside their words: names as they are, numbers by the ranges
//! that are counted.

use super::WhiskeyRow;
use super::catalogue::Filter;
use super::words::Mark;

/// Full years. What is filtered by others is marked by those they lie in.
pub(super) const AGES: [(i16, &str); 4] = [(0, "0-9"), (10, "10-17"), (18, "18-24"), (25, "25-")];
/// Whole amounts of a currency.
pub(super) const PRICES: [&str; 4] = ["0-999", "1000-9999", "10000-99999", "100000-"];
/// What is older or younger has the first or the last mark.
const DECADES: (i16, i16) = (195, 204);

/// All marks of a cask that are counted.
pub(super) fn of(row: &WhiskeyRow) -> Vec<Mark> {
    let details = &row.details.0;
    let names = [("brand", &details.brand), ("region", &details.region)];
    let mut marks = vec![
        Mark::new("category", details.category.word()),
        Mark::new("distillery", &details.distillery),
        Mark::new("status", &row.status),
        Mark::new("owner", row.owner),
    ];
    marks
        .extend(names.into_iter().filter_map(|(kind, name)| Some(Mark::new(kind, name.as_ref()?))));
    marks.extend(details.age.map(|age| Mark::new("age", range_of_age(i16::from(age)))));
    let vintage = details.vintage.and_then(|year| i16::try_from(year).ok());
    marks.extend(vintage.map(|year| Mark::new("decade", decade(year))));
    marks.extend(details.market_value.as_ref().map(|price| {
        let range = range_of_price(&price.amount.to_string());
        of_price(price.currency.as_str(), range)
    }));
    marks
}

impl Filter {
    /// What casks are named by, for the catalogue, which has indexes of its own for the rest.
    pub(super) fn names(&self) -> Vec<Mark> {
        let names = [
            ("category", &self.category),
            ("brand", &self.brand),
            ("distillery", &self.distillery),
            ("region", &self.region),
        ];
        let names = names.into_iter();
        names.filter_map(|(kind, name)| Some(Mark::new(kind, name.as_ref()?))).collect()
    }

    /// Of each of these a cask has one. Where a range is wanted it may still lie outside.
    pub(super) fn marks(&self) -> Vec<Vec<Mark>> {
        let mut marks: Vec<_> = self.names().into_iter().map(|mark| vec![mark]).collect();
        marks.extend(self.status.iter().map(|status| vec![Mark::new("status", status)]));
        marks.extend(self.owner.map(|owner| vec![Mark::new("owner", owner.value())]));
        marks.extend(self.ages());
        marks.extend(self.decades());
        marks.extend(self.currency.as_ref().map(|currency| self.prices(currency)));
        marks
    }

    fn ages(&self) -> Option<Vec<Mark>> {
        let (from, to) = wanted(self.age)?;
        let (first, last) = (range_of_age(from), range_of_age(to));
        Some(AGES[first..=last.max(first)].iter().enumerate().map(|(at, _)| first + at))
            .map(|ranges| ranges.map(|range| Mark::new("age", range)).collect())
    }

    fn decades(&self) -> Option<Vec<Mark>> {
        let (from, to) = wanted(self.vintage)?;
        Some((decade(from)..=decade(to)).map(|decade| Mark::new("decade", decade)).collect())
    }

    fn prices(&self, currency: &str) -> Vec<Mark> {
        let (from, to) = &self.price;
        let first = from.as_deref().map_or(0, range_of_price);
        let last = to.as_deref().map_or(PRICES.len() - 1, range_of_price);
        (first..=last).map(|range| of_price(currency, range)).collect()
    }
}

fn of_price(currency: &str, range: usize) -> Mark {
    Mark::new("price", format_args!("{currency} {range}"))
}

fn wanted((from, to): (Option<i16>, Option<i16>)) -> Option<(i16, i16)> {
    (from.is_some() || to.is_some()).then(|| (from.unwrap_or(i16::MIN), to.unwrap_or(i16::MAX)))
}

pub(super) fn range_of_age(age: i16) -> usize {
    AGES.iter().rposition(|(from, _)| age >= *from).unwrap_or_default()
}

fn decade(year: i16) -> i16 {
    (year / 10).clamp(DECADES.0, DECADES.1)
}

/// By how many figures it has before the point.
pub(super) fn range_of_price(amount: &str) -> usize {
    let whole = amount.split('.').next().unwrap_or_default().trim_start_matches('0');
    whole.len().clamp(3, 6) - 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions(filter: &Filter) -> Vec<String> {
        let of = |marks: Vec<Mark>| marks.into_iter().map(|mark| mark.0).collect::<Vec<_>>();
        filter.marks().into_iter().map(|marks| of(marks).join(" | ")).collect()
    }

    #[test]
    fn ranges_are_marked_by_all_they_lie_in() {
        let filter = Filter {
            age: (Some(12), Some(18)),
            vintage: (Some(1899), Some(1969)),
            price: (Some("999.99".to_owned()), Some("01000".to_owned())),
            currency: Some("GBP".to_owned()),
            ..Filter::default()
        };
        assert_eq!(
            questions(&filter),
            ["=age=1 | =age=2", "=decade=195 | =decade=196", "=price=GBP 0 | =price=GBP 1"]
        );
        let open = Filter { age: (None, Some(9)), vintage: (Some(2035), None), ..filter };
        assert_eq!(questions(&open)[..2], ["=age=0", "=decade=203 | =decade=204"]);
    }

    #[test]
    fn amounts_lie_where_they_are_counted() {
        let of = |amount: &str| PRICES[range_of_price(amount)];
        assert_eq!([of("0.5"), of("999.9999"), of("1000")], ["0-999", "0-999", "1000-9999"]);
        assert_eq!(
            [of("99999.9"), of("100000"), of("12345678")],
            ["10000-99999", "100000-", "100000-"]
        );
        assert_eq!([0, 9, 10, 24, 25].map(range_of_age), [0, 0, 1, 2, 3]);
    }
}
