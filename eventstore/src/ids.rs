//! Snowflake ids under a leased worker number: no two processes, and no process started again at
//! once, ever make the same one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use idgenerator::{CoreIdGenerator, IdGeneratorOptions};
use sqlx::PgPool;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// 2026-01-01T00:00:00Z.
const BASE_UNIX_MS: i64 = 1_767_225_600_000;
const WORKER_BITS: u8 = 10;
const SEQUENCE_BITS: u8 = 10;
/// How far ahead a process promises.
const LEASE: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(15);

#[derive(Debug, Error)]
pub enum IdsError {
    #[error("the database does not do as asked: {0}")]
    Database(#[from] sqlx::Error),
    #[error("all worker numbers are leased")]
    NoWorkerFree,
    #[error("the generator refused its options")]
    Options,
    #[error("the lease on the worker number has run out")]
    LeaseExpired,
}

/// Makes ids. Clones share one generator.
#[derive(Clone)]
pub struct Ids(Arc<Mutex<Lease>>);

struct Lease {
    generator: CoreIdGenerator,
    worker: i32,
    /// No id of this time or later may be made.
    until_unix_ms: i64,
}

impl Ids {
    /// Leases the worker number that has been free for longest.
    pub async fn lease(pool: &PgPool, clock: &Clock) -> Result<Self, IdsError> {
        Ok(Self(Arc::new(Mutex::new(Lease::take(pool, clock).await?))))
    }

    /// The next id.
    pub fn next(&self) -> Result<i64, IdsError> {
        let mut lease = self.current();
        let id = lease.generator.next_id();
        // Judged by the id's own time: the generator may run ahead of the clock in a burst.
        if unix_ms_of(id) < lease.until_unix_ms { Ok(id) } else { Err(IdsError::LeaseExpired) }
    }

    /// Renews the lease until stopped, then gives it back.
    pub async fn keep(self, pool: PgPool, clock: Clock, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
            if let Err(error) = self.renew(&pool, &clock).await {
                tracing::warn!(%error, "worker number not renewed");
            }
        }
        // From here on nobody gets an id, so the number is free from the next millisecond on.
        let (worker, until, next_id) = {
            let mut lease = self.current();
            let until = std::mem::replace(&mut lease.until_unix_ms, 0);
            (lease.worker, until, lease.generator.next_id())
        };
        if let Err(error) = promise(&pool, worker, until, unix_ms_of(next_id) + 1).await {
            tracing::warn!(%error, worker, "worker number not given back");
        }
    }

    async fn renew(&self, pool: &PgPool, clock: &Clock) -> Result<(), IdsError> {
        let (worker, until) = {
            let lease = self.current();
            (lease.worker, lease.until_unix_ms)
        };
        let renewed = clock.now().plus(LEASE).unix_ms();
        if promise(pool, worker, until, renewed).await? {
            self.current().until_unix_ms = renewed;
        } else {
            // It ran out while the database was away, and somebody else has the number now.
            let lease = Lease::take(pool, clock).await?;
            tracing::warn!(lost = worker, taken = lease.worker, "worker number replaced");
            *self.current() = lease;
        }
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Lease> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids in a row for things that are numbered already, so that the same thing gets the same id however
/// often it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    first: i64,
}

impl IdRange {
    /// One that was reserved before.
    pub const fn beginning_with(first: i64) -> Self {
        Self { first }
    }

    pub const fn first(self) -> i64 {
        self.first
    }

    /// The id of the thing with this number, from 0.
    pub const fn at(self, number: i64) -> i64 {
        let (milliseconds, sequence) =
            (number >> SEQUENCE_BITS, number & ((1 << SEQUENCE_BITS) - 1));
        self.first + (milliseconds << (WORKER_BITS + SEQUENCE_BITS)) + sequence
    }

    /// Takes a worker number for as many milliseconds as so many ids fill: in these, they are nobody
    /// else's for ever.
    pub(crate) async fn reserve(
        pool: &PgPool,
        clock: &Clock,
        count: i64,
    ) -> Result<Self, IdsError> {
        let now = clock.now().unix_ms();
        let worker = take_worker(pool, now, now + (count >> SEQUENCE_BITS) + 1).await?;
        let worker = i64::from(worker) << SEQUENCE_BITS;
        Ok(Self { first: ((now - BASE_UNIX_MS) << (WORKER_BITS + SEQUENCE_BITS)) + worker })
    }
}

/// Takes the worker number that has been free for longest, until a time.
async fn take_worker(pool: &PgPool, now: i64, until: i64) -> Result<i32, IdsError> {
    let row: Option<(i32,)> = sqlx::query_as(
        "update eventstore.worker_leases set ids_until = $2 where worker = (
             select worker from eventstore.worker_leases where ids_until <= $1
             order by ids_until, worker limit 1 for update skip locked)
         returning worker",
    )
    .bind(now)
    .bind(until)
    .fetch_optional(pool)
    .await?;
    row.map(|(worker,)| worker).ok_or(IdsError::NoWorkerFree)
}

impl Lease {
    async fn take(pool: &PgPool, clock: &Clock) -> Result<Self, IdsError> {
        let now = clock.now();
        let until_unix_ms = now.plus(LEASE).unix_ms();
        let worker = take_worker(pool, now.unix_ms(), until_unix_ms).await?;
        let options = IdGeneratorOptions::new()
            .base_time(BASE_UNIX_MS)
            .worker_id(u32::try_from(worker).map_err(|_| IdsError::Options)?)
            .worker_id_bit_len(WORKER_BITS)
            .seq_bit_len(SEQUENCE_BITS);
        let mut generator = CoreIdGenerator::default();
        generator.init(options).map_err(|_| IdsError::Options)?;
        Ok(Self { generator, worker, until_unix_ms })
    }
}

/// Moves a lease's end, if it still ends where its holder thinks.
async fn promise(pool: &PgPool, worker: i32, from: i64, to: i64) -> Result<bool, IdsError> {
    let moved = sqlx::query(
        "update eventstore.worker_leases set ids_until = $3 where worker = $1 and ids_until = $2",
    )
    .bind(worker)
    .bind(from)
    .bind(to)
    .execute(pool)
    .await?;
    Ok(moved.rows_affected() == 1)
}

fn unix_ms_of(id: i64) -> i64 {
    (id >> (WORKER_BITS + SEQUENCE_BITS)) + BASE_UNIX_MS
}
