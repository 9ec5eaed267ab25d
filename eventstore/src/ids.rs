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
    #[error("the database does not answer")]
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

impl Lease {
    async fn take(pool: &PgPool, clock: &Clock) -> Result<Self, IdsError> {
        let now = clock.now();
        let until_unix_ms = now.plus(LEASE).unix_ms();
        let row: Option<(i32,)> = sqlx::query_as(
            "update eventstore.worker_leases set ids_until = $2 where worker = (
                 select worker from eventstore.worker_leases where ids_until <= $1
                 order by ids_until, worker limit 1 for update skip locked)
             returning worker",
        )
        .bind(now.unix_ms())
        .bind(until_unix_ms)
        .fetch_optional(pool)
        .await?;
        let (worker,) = row.ok_or(IdsError::NoWorkerFree)?;
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
