//! One connection that appends: a batch at a time, however long the database is away.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::append_call::{self, Look, Outcomes};
use crate::appender::{Answer, Job, Waiting};
use crate::commit::CommitError;

/// How long one batch may take before the connection is given up.
const BATCH_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct Writer {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
    announce: watch::Sender<i64>,
    /// The runtime of those who wait for answers.
    callers: Handle,
}

impl Writer {
    pub fn new(pool: PgPool, announce: watch::Sender<i64>, callers: Handle) -> Self {
        Self { pool, connection: None, announce, callers }
    }

    /// Writes a batch and answers everyone in it, however long the database is away.
    pub async fn write(&mut self, mut batch: Vec<Waiting>) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(&batch).await {
                Ok(outcomes) => return self.answer(batch, outcomes).await,
                Err(Failure::Away(error)) => {
                    tracing::warn!(%error, commits = batch.len(), "the event store is away");
                    batch = give_up_on_late(batch);
                    if batch.is_empty() {
                        return;
                    }
                    batch.iter_mut().for_each(|waiting| waiting.attempted = true);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::Collided(reason) | Failure::Refused(reason)) if batch.len() == 1 => {
                    tracing::error!(reason, "the event store refused an append");
                    for waiting in batch {
                        let _ = waiting.answer.send(Err(CommitError::Refused(reason.clone())));
                    }
                    return;
                }
                Err(Failure::Collided(reason) | Failure::Refused(reason)) => {
                    // One of them is not storable. Each alone, so that it fails alone.
                    tracing::error!(reason, "a batch was refused; trying its commits one by one");
                    for waiting in batch {
                        Box::pin(self.write(vec![waiting])).await;
                    }
                    return;
                }
            }
        }
    }

    /// A batch in which a stream was not new after all is written once more, with every stream
    /// looked at, so that only its own commit loses.
    async fn attempt(&mut self, batch: &[Waiting]) -> Result<Outcomes, Failure> {
        match self.call(batch, Look::AtKnownStreams).await {
            Err(Failure::Collided(_)) => self.call(batch, Look::AtAllStreams).await,
            otherwise => otherwise,
        }
    }

    /// One transaction: one call of `eventstore.append`.
    async fn call(&mut self, batch: &[Waiting], look: Look) -> Result<Outcomes, Failure> {
        let jobs: Vec<&Job> = batch.iter().map(|waiting| &waiting.job).collect();
        let connection = self.connection().await.map_err(Failure::of)?;
        let call = append_call::append(connection, &jobs, look);
        let failure = match timeout(BATCH_TIMEOUT, call).await {
            Ok(Ok(outcomes)) => return Ok(outcomes),
            Ok(Err(error)) => Failure::of(error),
            Err(_) => Failure::Away("no answer in time".to_owned()),
        };
        if matches!(failure, Failure::Away(_)) {
            // Whatever is on this connection, nobody reads it any more.
            self.connection.take().map(PoolConnection::detach);
        }
        Err(failure)
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(self.pool.acquire().await?);
        }
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    async fn answer(&mut self, batch: Vec<Waiting>, outcomes: Outcomes) {
        let mut next = outcomes.first_position;
        let mut answers = Vec::with_capacity(batch.len());
        for (index, waiting) in batch.into_iter().enumerate() {
            let lost = outcomes.lost_by(index);
            let result = match lost {
                None => {
                    next += i64::try_from(waiting.job.rows.len()).unwrap_or_default();
                    Ok(next - 1)
                }
                // It may have lost against itself: written before, the answer lost on the way.
                Some(lost) if waiting.attempted => match self.own_position(&waiting.job).await {
                    Ok(Some(position)) => Ok(position),
                    Ok(None) => Err(lost),
                    // A "lost" would be decided again, and could be carried out twice.
                    Err(_) => Err(CommitError::Unavailable),
                },
                Some(lost) => Err(lost),
            };
            answers.push((waiting.answer, result));
        }
        self.tell(answers);
        if next > outcomes.first_position {
            self.announce.send_if_modified(|head| {
                let moved = *head < next - 1;
                *head = (*head).max(next - 1);
                moved
            });
        }
    }

    /// Wakes everybody from among them: one knock on their runtime's door, and not one for each.
    fn tell(&self, answers: Vec<(Answer, Result<i64, CommitError>)>) {
        let tell_all = async move {
            for (answer, result) in answers {
                let _ = answer.send(result);
            }
        };
        self.callers.spawn(tell_all);
    }

    /// Where this very job stands in the log, if it does. Envelopes are salted, so equal bytes
    /// mean the same command.
    async fn own_position(&mut self, job: &Job) -> Result<Option<i64>, sqlx::Error> {
        let Some(last) = job.rows.last() else {
            return Ok(None);
        };
        let connection = self.connection().await?;
        let found: Option<(i64,)> = sqlx::query_as(
            "select position from eventstore.events
             where aggregate_type = $1 and aggregate_id = $2 and sequence = $3 and envelope = $4",
        )
        .bind(last.aggregate_type)
        .bind(&last.aggregate_id)
        .bind(last.sequence)
        .bind(&last.envelope)
        .fetch_optional(connection)
        .await?;
        Ok(found.map(|(position,)| position))
    }
}

fn give_up_on_late(batch: Vec<Waiting>) -> Vec<Waiting> {
    let now = Instant::now();
    let (late, rest): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|waiting| waiting.deadline <= now);
    for waiting in late {
        let _ = waiting.answer.send(Err(CommitError::Unavailable));
    }
    rest
}

enum Failure {
    /// The database cannot be asked; what became of the batch is unknown.
    Away(String),
    /// Something that had to be new was there, and nothing was written.
    Collided(String),
    /// The database said no, and nothing was written.
    Refused(String),
}

impl Failure {
    fn of(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refused) => {
                // Classes: connection, resources, operator intervention, system; and what a
                // standby says. Everything else is about the statement.
                let code = refused.code().unwrap_or_default();
                let away = ["08", "53", "57", "58", "25006", "55P03", "40"];
                if away.iter().any(|class| code.starts_with(class)) {
                    Self::Away(error.to_string())
                } else if refused.is_unique_violation() {
                    Self::Collided(error.to_string())
                } else {
                    Self::Refused(error.to_string())
                }
            }
            _ => Self::Away(error.to_string()),
        }
    }
}
