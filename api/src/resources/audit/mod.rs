//! For auditors: what was done, and the events that say so.

pub mod events;
pub mod export;
pub mod logs;
mod opened;
mod places;
pub mod stream;

use domain::moment::Moment;
use domain::violation::{Violation, bounded_text};
use eventstore::journal::Journal;
use projections::PastError;

use crate::http::error_code::ErrorCode;
use crate::http::past::PATIENCE;
use crate::http::problem::Problem;
use crate::http::reading::{position, time};

/// A stretch of the log: the first position included, the last not.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    from: Option<i64>,
    before: Option<i64>,
}

/// The bounds of a stretch as they are asked for: times and positions.
struct Bounds {
    start: Option<String>,
    end: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl Bounds {
    /// What lies within all of them. Times never run backwards in the log, so that they are
    /// positions, too.
    async fn stretch(self, journal: &Journal) -> Result<Stretch, Problem> {
        let start = self.start.map(|text| time("startDate", &text)).transpose()?;
        let end = self.end.map(|text| time("endDate", &text)).transpose()?;
        let from = self.from.map(|text| position("fromPosition", &text)).transpose()?;
        let to = self.to.map(|text| position("toPosition", &text)).transpose()?;
        let (start, end) =
            in_time(async { Ok((first_at(journal, start).await?, first_at(journal, end).await?)) })
                .await?;
        let after = to.map(|to| to.saturating_add(1));
        Ok(Stretch { from: start.max(from), before: least(end, after) })
    }
}

/// The first position recorded at a moment or after it.
async fn first_at(journal: &Journal, moment: Option<Moment>) -> Result<Option<i64>, PastError> {
    match moment {
        Some(moment) => Ok(Some(journal.position_at(moment).await?)),
        None => Ok(None),
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = |_| Err(Problem::new(ErrorCode::ServerBusy));
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(late)
}

fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Where a page ended.
fn cursor(text: Option<String>) -> Result<Option<i64>, Problem> {
    let malformed = |_| Problem::invalid_field("cursor", Violation::WrongType("a nextCursor"));
    text.map(|text| position("cursor", &text).map_err(malformed)).transpose()
}

/// A name to filter by.
fn name(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    let read = |text: String| {
        bounded_text(&text, 1, 100).map_err(|violation| Problem::invalid_field(field, violation))
    };
    text.map(read).transpose()
}
