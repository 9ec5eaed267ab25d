//! Reads that wait for writes, and pages of lists.

use std::time::Duration;

use domain::moment::Moment;
use domain::violation::Violation;
use projections::Readers;
use projections::page::Page;
use time::Date;
use time::macros::format_description;

use super::problem::Problem;

/// How long a read waits for its read model.
pub const PATIENCE: Duration = Duration::from_secs(2);
const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;
/// Further in, a list is read by filters, not by pages.
const MAX_PAGE: u32 = 10_000;

/// Waits until the read model has seen `X-Min-Position`.
pub async fn caught_up(
    readers: &Readers,
    projection: &'static str,
    min_position: Option<String>,
) -> Result<(), Problem> {
    let Some(text) = min_position else {
        return Ok(());
    };
    let position = text.parse::<i64>().ok().filter(|position| *position >= 0).ok_or_else(|| {
        Problem::invalid_field("X-Min-Position", Violation::WrongType("a position"))
    })?;
    Ok(readers.wait_for(projection, position, PATIENCE).await?)
}

/// A page by `page` and `limit`, within bounds.
pub fn page(number: Option<String>, limit: Option<String>) -> Result<Page, Problem> {
    Ok(Page {
        number: bounded("page", number, 1, MAX_PAGE)?,
        size: bounded("limit", limit, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?,
    })
}

fn bounded(name: &str, text: Option<String>, default: u32, max: u32) -> Result<u32, Problem> {
    let Some(text) = text else {
        return Ok(default);
    };
    let number = text.parse::<u32>().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        Problem::invalid_field(name, Violation::OutOfRange("1".to_owned(), max.to_string()))
    })
}

/// A position of a query or a path.
pub fn position(name: &str, text: &str) -> Result<i64, Problem> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let position = text.parse().ok().filter(|_| digits);
    position.ok_or_else(|| Problem::invalid_field(name, Violation::WrongType("a position")))
}

/// A time of a query, RFC 3339.
pub fn time(name: &str, text: &str) -> Result<Moment, Problem> {
    let malformed = Violation::WrongType("an RFC 3339 time such as 2026-11-21T03:00:00Z");
    Moment::parse(text).ok_or_else(|| Problem::invalid_field(name, malformed))
}

/// A calendar day of a query.
pub fn day(name: &str, text: &str) -> Result<Date, Problem> {
    let read = Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let plain = read.filter(|day| day.year() > 0 && day.to_string() == text);
    plain.ok_or_else(|| Problem::invalid_field(name, Violation::MalformedDate))
}

/// A word of a closed list.
pub fn word(field: &str, text: String, words: &[&str]) -> Result<String, Problem> {
    if words.contains(&text.as_str()) {
        Ok(text)
    } else {
        Err(Problem::invalid_field(field, Violation::NotOneOf(words.join(", "))))
    }
}
