//! Keeps a read model up to date: follows the log, folds batch by batch, rebuilds on demand.

use std::sync::Arc;
use std::time::Duration;

use eventstore::Recorded;
use eventstore::follow::Follower;
use eventstore::journal::Journal;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::generation::{self, GenerationError};
use crate::parked::{self, Parked};
use crate::projection::Projection;

const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often parked partitions are tried again: a newer process may know what an older one did not.
const TRY_PARKED_EVERY: Duration = Duration::from_secs(30);

/// What can be seen of a read model from outside.
#[derive(Clone)]
pub struct Status {
    pub name: &'static str,
    /// The last position folded; -1 before the first.
    pub position: watch::Receiver<i64>,
    /// Partitions that wait behind an event that cannot be folded.
    pub parked: watch::Receiver<Vec<Parked>>,
    /// How far a rebuild has come, while one is under way.
    pub rebuilding: watch::Receiver<Option<i64>>,
    rebuild: Arc<Notify>,
}

impl Status {
    /// Asks for the read model to be built anew.
    pub fn rebuild(&self) {
        self.rebuild.notify_one();
    }
}

/// Runs one read model in this process.
pub struct Runner<P> {
    projection: Arc<P>,
    pool: PgPool,
    jetstream: Option<async_nats::jetstream::Context>,
    position: watch::Sender<i64>,
    parked: watch::Sender<Vec<Parked>>,
    rebuilding: Arc<watch::Sender<Option<i64>>>,
    rebuild: Arc<Notify>,
}

impl<P: Projection> Runner<P> {
    pub fn new(
        projection: P,
        pool: PgPool,
        jetstream: Option<async_nats::jetstream::Context>,
    ) -> (Self, Status) {
        let (position, position_seen) = watch::channel(-1);
        let (parked, parked_seen) = watch::channel(Vec::new());
        let (rebuilding, rebuilding_seen) = watch::channel(None);
        let rebuild = Arc::new(Notify::new());
        let status = Status {
            name: P::NAME,
            position: position_seen,
            parked: parked_seen,
            rebuilding: rebuilding_seen,
            rebuild: Arc::clone(&rebuild),
        };
        let (projection, rebuilding) = (Arc::new(projection), Arc::new(rebuilding));
        (Self { projection, pool, jetstream, position, parked, rebuilding, rebuild }, status)
    }

    /// Runs until stopped; whatever fails is tried again.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let session = tokio::select! {
                () = stop.cancelled() => return,
                session = self.session() => session,
            };
            if let Err(error) = session {
                tracing::warn!(projection = P::NAME, %error, "the read model pauses");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
    }

    async fn session(&self) -> Result<(), GenerationError> {
        let journal = Journal::new(self.pool.clone());
        let (mut at, current) = generation::ensure::<P>(&self.pool).await?;
        if !current {
            at = self.build(&journal).await.map_err(ended)??;
        }
        self.try_parked(&journal).await?;
        let mut look_at_parked = tokio::time::interval(TRY_PARKED_EVERY);
        self.position.send_replace(at);
        let mut follower = Follower::new(journal.clone(), self.jetstream.clone(), at);
        let mut building = None;
        loop {
            let events = tokio::select! {
                events = follower.next(usize::try_from(generation::BATCH).unwrap_or(1)) => events?,
                _ = look_at_parked.tick(), if !self.parked.borrow().is_empty() => {
                    self.try_parked(&journal).await?;
                    continue;
                }
                () = self.rebuild.notified(), if building.is_none() => {
                    building = Some(self.build(&journal));
                    continue;
                }
                built = finished(&mut building), if building.is_some() => {
                    building = None;
                    follower.rewind(self.built(built)?);
                    self.parked.send_replace(parked::of_live::<P>(&self.pool).await?);
                    continue;
                }
            };
            if !events.is_empty() {
                self.fold(&mut follower, &events).await?;
            }
        }
    }

    async fn try_parked(&self, journal: &Journal) -> Result<(), GenerationError> {
        let projection = self.projection.as_ref();
        let parked = parked::try_again(projection, &self.pool, journal).await?;
        self.parked.send_replace(parked);
        Ok(())
    }

    async fn fold(
        &self,
        follower: &mut Follower,
        events: &[Recorded],
    ) -> Result<(), GenerationError> {
        match generation::advance(self.projection.as_ref(), &self.pool, events).await {
            Ok((at, parked)) => {
                self.parked.send_replace(parked);
                self.position.send_replace(at);
                Ok(())
            }
            // Another process runs this read model too, or a swap moved it.
            Err(GenerationError::Moved(at)) => {
                follower.rewind(at);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Starts building anew, in a task of its own: the live generation goes on meanwhile, and the
    /// swap waits for it.
    fn build(&self, journal: &Journal) -> JoinHandle<Result<i64, GenerationError>> {
        tracing::info!(projection = P::NAME, version = P::VERSION, "rebuilding");
        let (projection, pool) = (Arc::clone(&self.projection), self.pool.clone());
        let (journal, rebuilding) = (journal.clone(), Arc::clone(&self.rebuilding));
        tokio::spawn(async move {
            let passed = |at| {
                rebuilding.send_replace(Some(at));
            };
            passed(-1);
            let built = generation::rebuild(projection.as_ref(), &pool, &journal, passed).await;
            rebuilding.send_replace(None);
            built
        })
    }

    /// What came of a build. One that failed is tried again.
    fn built(
        &self,
        built: Result<Result<i64, GenerationError>, JoinError>,
    ) -> Result<i64, GenerationError> {
        built.map_err(ended)?.inspect_err(|_| self.rebuild.notify_one())
    }
}

/// A build that ended without an answer: it panicked, or the process is going down.
fn ended(_: JoinError) -> GenerationError {
    GenerationError::Database(sqlx::Error::WorkerCrashed)
}

async fn finished<T>(building: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match building {
        Some(building) => building.await,
        None => std::future::pending().await,
    }
}
