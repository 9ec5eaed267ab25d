//! What a person's casks are worth, now and from day to day.

use domain::permission::Permission;
use domain::violation::Violation;
use domain::whiskey::details::Currency;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::portfolio::{self, Portfolios};
use projections::{Projection, Readers};
use time::{Date, Duration, Month};

use super::Tag;
use super::whiskeys::filters::owner_named;
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::conversation::Conversation;
use crate::http::envelope::Found;
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, day, word};

/// How many points a series has at most.
const POINTS: u16 = 366;
/// How many if nothing is said.
const POINTS_BY_DEFAULT: u16 = 30;

pub struct PortfolioValue {
    pub readers: Readers,
}

/// A person's casks, from registration to retirement, by currency.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Portfolio {
    owner: String,
    /// Today.
    holdings: Vec<Holding>,
    series: Vec<Series>,
    /// There are more than twenty currencies: ask for one.
    more_currencies: bool,
}

#[derive(Object)]
struct Holding {
    /// Null: casks nobody has valued.
    currency: Option<String>,
    /// A decimal number.
    value: Option<String>,
    casks: i64,
}

#[derive(Object)]
struct Series {
    /// Null: casks nobody has valued.
    currency: Option<String>,
    points: Vec<Point>,
}

/// How it stood at the end of a day, in UTC.
#[derive(Object)]
struct Point {
    day: String,
    value: Option<String>,
    casks: i64,
}

impl From<portfolio::Holding> for Holding {
    fn from(holding: portfolio::Holding) -> Self {
        let currency = Some(holding.currency).filter(|currency| !currency.is_empty());
        let value = currency.is_some().then_some(holding.value);
        Self { currency, value, casks: holding.casks }
    }
}

impl Series {
    fn of(series: portfolio::Series, days: &[Date]) -> Self {
        let currency = Some(series.currency).filter(|currency| !currency.is_empty());
        let valued = currency.is_some();
        let point = |((value, casks), day): ((String, i64), &Date)| Point {
            day: day.to_string(),
            value: valued.then_some(value),
            casks,
        };
        Self { points: series.points.into_iter().zip(days).map(point).collect(), currency }
    }
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl PortfolioValue {
    /// What my casks are worth, and were
    ///
    /// A point a step, the last of them at `to`. Somebody else's is for who keeps casks for others.
    #[oai(path = "/portfolio", method = "get", operation_id = "portfolio")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn portfolio(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// An owner's id, or `me`.
        owner: Query<Option<String>>,
        /// One currency only.
        currency: Query<Option<String>>,
        /// No point is before this day; 30 points if left out, and never more than 366.
        from: Query<Option<String>>,
        /// A day such as 2026-11-21, in UTC; today if left out.
        to: Query<Option<String>>,
        /// day, week or month.
        step: Query<Option<String>>,
    ) -> Result<Found<Portfolio>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let owner = owner_named(owner.0.as_deref().unwrap_or("me"), &actor)?;
        if actor.user() != Some(owner) {
            must_be_allowed(&actor, Permission::KEEP_WHISKEY)?;
        }
        let currency = currency.0.map(|text| {
            Currency::parse(&text)
                .map_err(|violation| Problem::invalid_field("currency", violation))
        });
        let currency = currency.transpose()?;
        let days = Step::read(step.0)?.days(from.0, to.0)?;
        caught_up(&self.readers, Portfolios::NAME, min_position.0).await?;
        let currency = currency.as_ref().map(Currency::as_str);
        let found = self.readers.portfolio(actor.tenant(), owner, currency, &days).await?;
        let series = found.series.into_iter().map(|series| Series::of(series, &days));
        Ok(Found::new(Portfolio {
            owner: owner.to_string(),
            holdings: found.holdings.into_iter().map(Holding::from).collect(),
            series: series.collect(),
            more_currencies: found.more,
        }))
    }
}

/// How far points are apart.
#[derive(Clone, Copy)]
enum Step {
    Day,
    Week,
    Month,
}

impl Step {
    fn read(text: Option<String>) -> Result<Self, Problem> {
        let named = text.map(|text| word("step", text, &["day", "week", "month"])).transpose()?;
        Ok(match named.as_deref() {
            Some("week") => Self::Week,
            Some("month") => Self::Month,
            _ => Self::Day,
        })
    }

    /// The days to be answered, oldest first.
    fn days(self, from: Option<String>, to: Option<String>) -> Result<Vec<Date>, Problem> {
        let today = today()?;
        let to = to.map_or(Ok(today), |text| day("to", &text))?;
        if to > today {
            return Err(out_of_range("to", Date::MIN, today));
        }
        let first = self.before(to, POINTS_BY_DEFAULT - 1);
        let from = from.map_or(Ok(first), |text| day("from", &text))?;
        let oldest = self.before(to, POINTS - 1);
        if from < oldest || from > to {
            return Err(out_of_range("from", oldest, to));
        }
        let mut days: Vec<_> =
            (0..POINTS).map(|steps| self.before(to, steps)).take_while(|at| *at >= from).collect();
        days.reverse();
        Ok(days)
    }

    /// So many steps before a day. A month before the 31st of March is the 28th of February.
    fn before(self, day: Date, steps: u16) -> Date {
        let days = |days: i64| day.checked_sub(Duration::days(days)).unwrap_or(Date::MIN);
        match self {
            Self::Day => days(i64::from(steps)),
            Self::Week => days(7 * i64::from(steps)),
            Self::Month => months_before(day, i32::from(steps)).unwrap_or(Date::MIN),
        }
    }
}

fn months_before(day: Date, count: i32) -> Option<Date> {
    let months = day.year() * 12 + i32::from(u8::from(day.month())) - 1 - count;
    let year = months.div_euclid(12);
    let month = Month::try_from(u8::try_from(months.rem_euclid(12) + 1).ok()?).ok()?;
    Date::from_calendar_date(year, month, day.day().min(month.length(year))).ok()
}

fn today() -> Result<Date, Problem> {
    let conversation = Conversation::current()
        .ok_or_else(|| Problem::internal(&"a read outside of a conversation"))?;
    let seconds = conversation.clock.now().unix_s();
    let now = time::OffsetDateTime::from_unix_timestamp(seconds);
    Ok(now.map_err(|error| Problem::internal(&error))?.date())
}

fn out_of_range(field: &str, from: Date, to: Date) -> Problem {
    let violation = Violation::OutOfRange(from.to_string(), to.to_string());
    Problem::invalid_field(field, violation)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn months_end_where_they_end() {
        let back = |steps| Step::Month.before(date!(2026 - 03 - 31), steps);
        assert_eq!(back(1), date!(2026 - 02 - 28));
        assert_eq!(back(2), date!(2026 - 01 - 31));
        assert_eq!(back(3), date!(2025 - 12 - 31));
        assert_eq!(back(25), date!(2024 - 02 - 29));
        assert_eq!(Step::Week.before(date!(2026 - 01 - 03), 1), date!(2025 - 12 - 27));
    }
}
