//! Reads of the past: `asOf`, a position of the log or a time, and what was there then.

use std::time::Duration;

use domain::violation::Violation;
use eventstore::journal::JournalError;
use eventstore::ledger::read::Ledger;
use eventstore::vault::VaultError;
use projections::{Past, PastError, Then};
use tokio::time::timeout;

use super::conversation::Conversation;
use super::envelope::MadeOf;
use super::error_code::ErrorCode;
use super::problem::Problem;
use super::reading::time;

/// How long folding a stream anew may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What was there at the position or time that was asked for.
pub async fn rebuilt<T, F>(
    past: &Past,
    as_of: &str,
    read: impl FnOnce(i64) -> F,
) -> Result<Option<T>, Problem>
where
    F: Future<Output = Result<Option<T>, PastError>>,
{
    let reading = async { Ok(read(position(past, as_of).await?).await?) };
    timeout(PATIENCE, reading).await.unwrap_or_else(|_| Err(Problem::new(ErrorCode::ServerBusy)))
}

/// What is shown of it, and what it was made of.
pub async fn shown<T>(
    ledger: &Ledger,
    then: Option<Then<T>>,
) -> Result<(Option<T>, Option<MadeOf>), Problem> {
    match then {
        Some(Then { row, position, events }) => {
            Ok((Some(row), Some(MadeOf::of(ledger, position, events).await?)))
        }
        None => Ok((None, None)),
    }
}

/// The position that is meant. What is to come is not known.
async fn position(past: &Past, as_of: &str) -> Result<i64, Problem> {
    if as_of.contains(['-', ':']) {
        return position_then(past, as_of).await;
    }
    let malformed = Violation::WrongType("a position or an RFC 3339 time");
    let digits = as_of.bytes().all(|b| b.is_ascii_digit());
    let position = as_of.parse::<i64>().ok().filter(|_| digits);
    let position = position.ok_or_else(|| Problem::invalid_field("asOf", malformed))?;
    let head = past.head().await?;
    if position <= head { Ok(position) } else { Err(beyond(head.to_string())) }
}

async fn position_then(past: &Past, as_of: &str) -> Result<i64, Problem> {
    let moment = time("asOf", as_of)?;
    let conversation = Conversation::current()
        .ok_or_else(|| Problem::internal(&"a read outside of a conversation"))?;
    let now = conversation.clock.now();
    let position = past.position_at(moment).await?;
    // The log's clock may be ahead of ours: what is recorded is past.
    if moment > now && position == past.head().await? {
        return Err(beyond(now.to_string()));
    }
    Ok(position)
}

fn beyond(last: String) -> Problem {
    Problem::invalid_field("asOf", Violation::OutOfRange("the first event".to_owned(), last))
}

impl From<PastError> for Problem {
    fn from(error: PastError) -> Self {
        match error {
            PastError::Journal(JournalError::Database(ref reason))
            | PastError::Vault(VaultError::Database(ref reason)) => {
                tracing::warn!(%reason, "a read of the past failed");
                Self::new(ErrorCode::DatabaseUnavailable)
            }
            PastError::Journal(_) | PastError::Undecodable(_) | PastError::Vault(_) => {
                Self::internal(&error)
            }
        }
    }
}
