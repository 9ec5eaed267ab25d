//! The group-commit appender: takes all commits that are waiting and writes them in one transaction.
//! The flush of the previous batch is the window for the next, so there is no timer, and one flush
//! to disk pays for many commands.
//!
//! It runs on a thread of its own: among the tasks of a busy process, an answer of the database
//! would lie until one of them yields, and all of them are waiting for it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use domain::id::TenantId;
use futures::stream::{FuturesUnordered, StreamExt};
use sqlx::PgPool;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::commit::{Claim, CommitError, Condition, IdempotencyKey};
use crate::touched::Touched;
use crate::vault::{Drawer, NewDataKey, Sealed};
use crate::writer::Writer;

/// How many commits may wait before new ones are turned away.
const QUEUE: usize = 8_192;
/// How many commits go into one transaction.
const BATCH: usize = 256;
/// How many connections append. The second is for when more than a batch is waiting: while the
/// database orders and flushes one batch, it takes in the next.
const WRITERS: u32 = 2;
/// How often the appender looks again for those whose last commit it has just answered, before it
/// writes without them. They come back within microseconds of each other; whoever came a moment too
/// late would wait for a whole transaction. Some 20 looks take less than a tenth of one.
const LOOKS: usize = 20;
/// How long a commit may wait for a database that is away.
const PATIENCE: Duration = Duration::from_secs(6);

/// One event, ready to be stored.
pub(crate) struct Row {
    pub tenant: TenantId,
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    pub sequence: i64,
    /// The first of its stream in its job: the stream must stand just before it.
    pub first: bool,
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
    /// What is to be destroyed.
    pub erased: Vec<Drawer>,
}

/// Where the position of a job's last event is waited for.
pub(crate) type Answer = oneshot::Sender<Result<i64, CommitError>>;

/// A commit in the queue, with somebody who waits for its answer.
pub(crate) struct Waiting {
    pub job: Job,
    pub answer: Answer,
    pub deadline: Instant,
    /// Sent once already, with an outcome nobody knows.
    pub attempted: bool,
}

/// The way into the log.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::Sender<Waiting>,
    head: watch::Receiver<i64>,
}

impl Appender {
    /// Starts the thread, with connections like those of `pool`. It ends when `stop` is cancelled
    /// and everything that waits is written.
    pub fn start(pool: &PgPool, stop: CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (announce, head) = watch::channel(-1);
        let (options, connect) = (pool.options().clone(), pool.connect_options());
        let callers = runtime::Handle::current();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                // Connected here, so that their answers wake this thread and no other.
                let pool = options.max_connections(WRITERS).connect_lazy_with((*connect).clone());
                let writer = |_| Writer::new(pool.clone(), announce.clone(), callers.clone());
                let free = (0..WRITERS).map(writer).collect();
                Queue { free, waiting: VecDeque::new(), expected: 0 }.run(waiting, stop).await;
            });
        });
        Ok((Self { queue, head }, ended))
    }

    /// Appends a job; gives the position of its last event.
    pub(crate) async fn append(&self, job: Job) -> Result<i64, CommitError> {
        let (answer, answered) = oneshot::channel();
        let deadline = Instant::now() + PATIENCE;
        let waiting = Waiting { job, answer, deadline, attempted: false };
        // A full queue is answered at once: waiting longer would only move the queue elsewhere.
        self.queue.try_send(waiting).map_err(|_| CommitError::Unavailable)?;
        // A writer answers everyone in its batch, in bounded time.
        answered.await.unwrap_or(Err(CommitError::Unavailable))
    }

    /// The last position this process wrote; -1 before the first.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }
}

struct Queue {
    free: Vec<Writer>,
    waiting: VecDeque<Waiting>,
    /// How many may come back at once: as many as the last batch had.
    expected: usize,
}

impl Queue {
    async fn run(mut self, mut incoming: mpsc::Receiver<Waiting>, stop: CancellationToken) {
        let mut arrived = Vec::with_capacity(BATCH);
        let mut writing = FuturesUnordered::new();
        let (mut closing, mut closed) = (false, false);
        while !closed || !self.waiting.is_empty() || !writing.is_empty() {
            if writing.is_empty() && !self.waiting.is_empty() {
                self.gather(&mut incoming).await;
            }
            // A lone batch goes without waiting, however small; beside another, only a full one.
            while !self.waiting.is_empty()
                && (writing.is_empty() || self.waiting.len() >= BATCH)
                && let Some(mut writer) = self.free.pop()
            {
                let batch = self.next_batch();
                writing.push(async move {
                    writer.write(batch).await;
                    writer
                });
            }
            tokio::select! {
                () = stop.cancelled(), if !closing => {
                    // Nothing new comes in; what is in the queue is still written.
                    incoming.close();
                    closing = true;
                }
                Some(writer) = writing.next() => self.free.push(writer),
                received = incoming.recv_many(&mut arrived, BATCH),
                    if !closed && self.waiting.len() < 2 * BATCH =>
                {
                    closed = received == 0;
                    self.waiting.extend(arrived.drain(..));
                }
            }
        }
    }

    /// Takes in those who are about to come. Where one command follows another, nobody is.
    async fn gather(&mut self, incoming: &mut mpsc::Receiver<Waiting>) {
        for _ in 0..LOOKS {
            if self.waiting.len() >= self.expected {
                return;
            }
            tokio::task::yield_now().await;
            while self.waiting.len() < BATCH
                && let Ok(waiting) = incoming.try_recv()
            {
                self.waiting.push_back(waiting);
            }
        }
    }

    /// Takes commits from the front, without those that touch what one before them touches.
    fn next_batch(&mut self) -> Vec<Waiting> {
        let (mut batch, mut left) = (Vec::new(), Vec::new());
        let mut touched = Touched::default();
        while batch.len() < BATCH
            && let Some(waiting) = self.waiting.pop_front()
        {
            let side = if touched.admit(&waiting.job) { &mut batch } else { &mut left };
            side.push(waiting);
        }
        for waiting in left.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        self.expected = batch.len();
        batch
    }
}
