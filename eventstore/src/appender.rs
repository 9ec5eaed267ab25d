//! The group-commit appender: one task a process, which takes all commits that are waiting and
//! writes them in one transaction. The flush of the previous batch is the window for the next, so
//! there is no timer, and one flush to disk pays for many commands.

use std::collections::VecDeque;
use std::time::Duration;

use domain::id::TenantId;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::append_call::{self, Outcomes};
use crate::commit::{Claim, CommitError, Condition, IdempotencyKey};
use crate::touched::Touched;
use crate::vault::{NewDataKey, Sealed};

/// How many commits may wait before new ones are turned away.
const QUEUE: usize = 8_192;
/// How many commits go into one transaction.
const BATCH: usize = 1_024;
/// How long a commit may wait for a database that is away.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long one batch may take before the connection is given up.
const BATCH_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// One event, ready to be stored.
pub(crate) struct Row {
    pub tenant: TenantId,
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub schema_version: i32,
    pub envelope: String,
}

/// One command, ready to be stored.
pub(crate) struct Job {
    pub tenant: TenantId,
    pub actor: String,
    /// Streams that are written and streams that were read.
    pub written: Vec<Condition>,
    pub read: Vec<Condition>,
    pub rows: Vec<Row>,
    pub claims: Vec<Claim>,
    pub key: Option<(IdempotencyKey, String)>,
    pub data_keys: Vec<NewDataKey>,
    pub sealed: Vec<Sealed>,
}

struct Waiting {
    job: Job,
    answer: oneshot::Sender<Result<i64, CommitError>>,
    deadline: Instant,
    /// Sent once already, with an outcome nobody knows.
    attempted: bool,
}

/// The way into the log.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::Sender<Waiting>,
    head: watch::Receiver<i64>,
}

impl Appender {
    /// Starts the task. It ends when `stop` is cancelled and everything that waits is written.
    pub fn start(pool: PgPool, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (announce, head) = watch::channel(-1);
        let task = Task { pool, connection: None, announce, carried: VecDeque::new() };
        (Self { queue, head }, tokio::spawn(task.run(waiting, stop)))
    }

    /// Appends a job; gives the position of its last event.
    pub(crate) async fn append(&self, job: Job) -> Result<i64, CommitError> {
        let (answer, answered) = oneshot::channel();
        let deadline = Instant::now() + PATIENCE;
        let waiting = Waiting { job, answer, deadline, attempted: false };
        // A full queue is answered at once: waiting longer would only move the queue elsewhere.
        self.queue.try_send(waiting).map_err(|_| CommitError::Unavailable)?;
        match timeout(PATIENCE + 2 * BATCH_TIMEOUT, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(CommitError::Unavailable),
        }
    }

    /// The last position this process wrote; -1 before the first.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }
}

struct Task {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
    announce: watch::Sender<i64>,
    /// Commits that could not join a batch because one before them touches the same stream.
    carried: VecDeque<Waiting>,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Waiting>, stop: CancellationToken) {
        let mut arrived = Vec::with_capacity(BATCH);
        let mut closing = false;
        loop {
            if self.carried.is_empty() {
                tokio::select! {
                    () = stop.cancelled(), if !closing => {
                        // Nothing new comes in; what is in the queue is still written.
                        queue.close();
                        closing = true;
                    }
                    received = queue.recv_many(&mut arrived, BATCH) => {
                        if received == 0 {
                            return;
                        }
                    }
                }
            } else {
                while arrived.len() < BATCH {
                    match queue.try_recv() {
                        Ok(waiting) => arrived.push(waiting),
                        Err(_) => break,
                    }
                }
            }
            self.carried.extend(arrived.drain(..));
            let batch = self.next_batch();
            if !batch.is_empty() {
                self.write(batch).await;
            }
        }
    }

    /// Takes commits from the front as long as they do not touch what one before them touches.
    fn next_batch(&mut self) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let mut touched = Touched::default();
        let mut left = VecDeque::new();
        while let Some(waiting) = self.carried.pop_front() {
            if batch.len() < BATCH && touched.admit(&waiting.job) {
                batch.push(waiting);
            } else {
                left.push_back(waiting);
            }
        }
        self.carried = left;
        batch
    }

    /// Writes a batch and answers everyone in it, however long the database is away.
    async fn write(&mut self, mut batch: Vec<Waiting>) {
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
                Err(Failure::Refused(reason)) if batch.len() == 1 => {
                    tracing::error!(reason, "the event store refused an append");
                    for waiting in batch {
                        let _ = waiting.answer.send(Err(CommitError::Refused(reason.clone())));
                    }
                    return;
                }
                Err(Failure::Refused(reason)) => {
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

    /// One transaction: one call of `eventstore.append`.
    async fn attempt(&mut self, batch: &[Waiting]) -> Result<Outcomes, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await.map_err(Failure::of)?,
        };
        let mut connection = connection;
        let jobs: Vec<&Job> = batch.iter().map(|waiting| &waiting.job).collect();
        let call = append_call::append(&mut connection, &jobs);
        let outcomes = match timeout(BATCH_TIMEOUT, call).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(error)) => {
                let failure = Failure::of(error);
                if matches!(failure, Failure::Away(_)) {
                    // Whatever is on this connection, nobody reads it any more.
                    let _ = connection.detach();
                }
                return Err(failure);
            }
            Err(_) => {
                let _ = connection.detach();
                return Err(Failure::Away("no answer in time".to_owned()));
            }
        };
        self.connection = Some(connection);
        Ok(outcomes)
    }

    async fn answer(&mut self, batch: Vec<Waiting>, outcomes: Outcomes) {
        let mut next = outcomes.first_position;
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
            let _ = waiting.answer.send(result);
        }
        if next > outcomes.first_position {
            self.announce.send_if_modified(|head| {
                let moved = *head < next - 1;
                *head = (*head).max(next - 1);
                moved
            });
        }
    }

    /// Where this very job stands in the log, if it does. Envelopes are salted, so equal bytes
    /// mean the same command.
    async fn own_position(&self, job: &Job) -> Result<Option<i64>, sqlx::Error> {
        let Some(last) = job.rows.last() else {
            return Ok(None);
        };
        let found: Option<(i64,)> = sqlx::query_as(
            "select position from eventstore.events
             where aggregate_type = $1 and aggregate_id = $2 and sequence = $3 and envelope = $4",
        )
        .bind(last.aggregate_type)
        .bind(&last.aggregate_id)
        .bind(last.sequence)
        .bind(&last.envelope)
        .fetch_optional(&self.pool)
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
                } else {
                    Self::Refused(error.to_string())
                }
            }
            _ => Self::Away(error.to_string()),
        }
    }
}
