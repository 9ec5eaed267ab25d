//! The group-commit appender: one task a process, which takes all commits that are waiting and
//! writes them in one transaction. The flush of the previous batch is the window for the next, so
//! there is no timer, and one flush to disk pays for many commands.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use domain::id::TenantId;
use domain::moment::Moment;
use domain::personal::Purpose;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::commit::{Claim, CommitError, Condition, IdempotencyKey};
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
        let call = call_append(&mut connection, batch);
        let rows = match timeout(BATCH_TIMEOUT, call).await {
            Ok(Ok(rows)) => rows,
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
        Ok(Outcomes::of(rows))
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

/// What the commits of a batch touch.
#[derive(Default)]
struct Touched {
    written: HashSet<(&'static str, String)>,
    read: HashSet<(&'static str, String)>,
    claims: HashSet<(TenantId, &'static str, Vec<u8>)>,
    keys: HashSet<(TenantId, String, String)>,
    data_keys: HashSet<crate::vault::Drawer>,
}

impl Touched {
    /// Notes what the job touches, unless it collides with what is noted.
    fn admit(&mut self, job: &Job) -> bool {
        let stream =
            |condition: &Condition| (condition.aggregate_type, condition.aggregate_id.clone());
        let written: Vec<_> = job.written.iter().map(stream).collect();
        let read: Vec<_> = job.read.iter().map(stream).collect();
        let claims: Vec<_> =
            job.claims.iter().map(|c| (job.tenant, c.kind, c.digest.clone())).collect();
        let key = job.key.as_ref().map(|(k, _)| (job.tenant, job.actor.clone(), k.key.clone()));

        let collides = written.iter().any(|s| self.written.contains(s) || self.read.contains(s))
            || read.iter().any(|s| self.written.contains(s))
            || claims.iter().any(|c| self.claims.contains(c))
            || key.iter().any(|k| self.keys.contains(k))
            || job.data_keys.iter().any(|k| self.data_keys.contains(&k.drawer));
        if !collides {
            self.written.extend(written);
            self.read.extend(read);
            self.claims.extend(claims);
            self.keys.extend(key);
            self.data_keys.extend(job.data_keys.iter().map(|k| k.drawer));
        }
        !collides
    }
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

type OutcomeRow = (i32, String, Option<i64>, Option<time::OffsetDateTime>, Option<String>);

struct Outcomes {
    first_position: i64,
    lost: Vec<OutcomeRow>,
}

impl Outcomes {
    fn of(rows: Vec<OutcomeRow>) -> Self {
        let (head, lost): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.0 == 0);
        let first_position = head.first().and_then(|row| row.2).unwrap_or_default();
        Self { first_position, lost }
    }

    /// Why the command at this index was not appended. A command can lose in several ways; what
    /// was asked before is answered as before, and what may be tried again comes before what may
    /// not.
    fn lost_by(&self, index: usize) -> Option<CommitError> {
        let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
        let of = |wanted: &str| self.lost.iter().find(|row| row.0 == number && row.1 == wanted);
        if let Some((_, _, position, _, answer)) = of("repeated") {
            return Some(CommitError::Repeated {
                answer: answer.clone().unwrap_or_default(),
                position: position.unwrap_or_default(),
            });
        }
        if of("mismatched").is_some() {
            return Some(CommitError::Mismatched);
        }
        if of("stale").is_some() {
            return Some(CommitError::Stale);
        }
        of("claimed").map(|(_, _, _, _, kinds)| {
            let kinds = kinds.as_deref().unwrap_or_default();
            CommitError::Claimed(kinds.split(',').map(str::to_owned).collect())
        })
    }
}

/// The moment in the type the log keeps.
pub(crate) fn moment_of(time: time::OffsetDateTime) -> Moment {
    let unix_ms = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Moment::from_unix_ms(i64::try_from(unix_ms).unwrap_or_default())
}

/// Numbers each item of each job with its command.
fn numbered<'a, T: Sync + 'a>(
    batch: &'a [Waiting],
    items: impl Fn(&'a Job) -> &'a [T] + 'a,
) -> impl Iterator<Item = (i32, &'a Job, &'a T)> + Clone + 'a {
    let lists: Vec<(i32, &'a Job, &'a [T])> = batch
        .iter()
        .zip(1..)
        .map(|(waiting, number)| (number, &waiting.job, items(&waiting.job)))
        .collect();
    lists
        .into_iter()
        .flat_map(|(number, job, list)| list.iter().map(move |item| (number, job, item)))
}

async fn call_append(
    connection: &mut PoolConnection<Postgres>,
    batch: &[Waiting],
) -> Result<Vec<OutcomeRow>, sqlx::Error> {
    /// One column of a kind: the same field of every item.
    macro_rules! column {
        ($items:expr, $pattern:pat => $value:expr) => {
            $items.clone().map(|$pattern| $value).collect::<Vec<_>>()
        };
    }
    let written = numbered(batch, |job| &job.written);
    let read = numbered(batch, |job| &job.read);
    let streams: Vec<_> = written.chain(read).collect();
    let streams = streams.iter();
    let rows = numbered(batch, |job| &job.rows);
    let claims = numbered(batch, |job| &job.claims);
    let keys = numbered(batch, |job| job.key.as_slice());
    let data_keys = numbered(batch, |job| &job.data_keys);
    let sealed = numbered(batch, |job| &job.sealed);
    let purpose = |purpose: Purpose| purpose.name();

    sqlx::query_as(
        "select command, outcome, at_position, at_time, detail from eventstore.append(
             $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)",
    )
    .bind(column!(streams, (command, _, _) => *command))
    .bind(column!(streams, (_, _, stream) => stream.aggregate_type))
    .bind(column!(streams, (_, _, stream) => stream.aggregate_id.as_str()))
    .bind(column!(streams, (_, _, stream) => stream.expected))
    .bind(column!(rows, (command, _, _) => command))
    .bind(column!(rows, (_, _, row) => row.tenant.value()))
    .bind(column!(rows, (_, _, row) => row.aggregate_type))
    .bind(column!(rows, (_, _, row) => row.aggregate_id.as_str()))
    .bind(column!(rows, (_, _, row) => row.sequence))
    .bind(column!(rows, (_, _, row) => row.event_type.as_str()))
    .bind(column!(rows, (_, _, row) => row.schema_version))
    .bind(column!(rows, (_, _, row) => row.envelope.as_str()))
    .bind(column!(claims, (command, _, _) => command))
    .bind(column!(claims, (_, job, _) => job.tenant.value()))
    .bind(column!(claims, (_, _, claim) => claim.kind))
    .bind(column!(claims, (_, _, claim) => claim.digest.as_slice()))
    .bind(column!(claims, (_, _, claim) => claim.holder.as_str()))
    .bind(column!(keys, (command, _, _) => command))
    .bind(column!(keys, (_, job, _) => job.tenant.value()))
    .bind(column!(keys, (_, job, _) => job.actor.as_str()))
    .bind(column!(keys, (_, _, (key, _)) => key.key.as_str()))
    .bind(column!(keys, (_, _, (key, _)) => key.request_digest.as_slice()))
    .bind(column!(keys, (_, _, (_, answer)) => answer.as_str()))
    .bind(column!(data_keys, (command, _, _) => command))
    .bind(column!(data_keys, (_, _, key) => key.drawer.tenant.value()))
    .bind(column!(data_keys, (_, _, key) => key.drawer.subject.value()))
    .bind(column!(data_keys, (_, _, key) => purpose(key.drawer.purpose)))
    .bind(column!(data_keys, (_, _, key) => key.wrapped.as_slice()))
    .bind(column!(sealed, (command, _, _) => command))
    .bind(column!(sealed, (_, _, datum) => datum.drawer.tenant.value()))
    .bind(column!(sealed, (_, _, datum) => datum.drawer.subject.value()))
    .bind(column!(sealed, (_, _, datum) => purpose(datum.drawer.purpose)))
    .bind(column!(sealed, (_, _, datum) => datum.hash.as_slice()))
    .bind(column!(sealed, (_, _, datum) => datum.ciphertext.as_slice()))
    .fetch_all(&mut **connection)
    .await
}
