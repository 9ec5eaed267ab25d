//! Connections at hand. A pool asks a connection that is given back whether it lives: one more round
//! trip for each question, and somebody to wake for it. One that has just answered is kept at hand
//! instead.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, Postgres};

use crate::database::TRUSTED_FOR;

/// Then the pool gets it back, which retires connections of a certain age.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// A pool with connections at hand, each of which may be set to something. Clones share them.
#[derive(Clone)]
pub struct AtHand<S> {
    pool: PgPool,
    idle: Arc<Mutex<Vec<Taken<S>>>>,
    /// More are not kept: the others are left to the pool, for those who ask it.
    most: usize,
    /// How many wait for the pool. They come first.
    waiting: Arc<AtomicUsize>,
}

/// A connection that was taken. Given back by `AtHand::keep` once it has answered whole; dropped
/// before that, it goes back to the pool, which looks after it.
pub struct Taken<S> {
    connection: PoolConnection<Postgres>,
    /// What it is set to, if that is known.
    pub set_to: Option<S>,
    since: Instant,
    answered: Instant,
}

/// Somebody who waits, for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<S: Copy + PartialEq> AtHand<S> {
    pub fn new(pool: PgPool, most: usize) -> Self {
        Self { pool, idle: Arc::default(), most, waiting: Arc::default() }
    }

    /// The one that answered last of those set to `wish`, or else of all; or one of the pool's.
    pub async fn take(&self, wish: Option<S>) -> Result<Taken<S>, sqlx::Error> {
        if let Some(taken) = self.idle_one(wish) {
            return Ok(taken);
        }
        let waiting = Waiting::begin(&self.waiting);
        // Kept before it was known that somebody waits.
        if let Some(taken) = self.idle_one(wish) {
            return Ok(taken);
        }
        let connection = self.pool.acquire().await?;
        drop(waiting);
        let now = Instant::now();
        Ok(Taken { connection, set_to: None, since: now, answered: now })
    }

    pub fn keep(&self, taken: Taken<S>) {
        let mut idle = self.idle();
        let nobody_waits = self.waiting.load(Ordering::SeqCst) == 0;
        if nobody_waits && idle.len() < self.most && taken.since.elapsed() < KEPT_FOR {
            idle.push(Taken { answered: Instant::now(), ..taken });
        }
    }

    fn idle_one(&self, wish: Option<S>) -> Option<Taken<S>> {
        let mut idle = self.idle();
        idle.retain(|taken| taken.answered.elapsed() < TRUSTED_FOR);
        let as_wished = idle.iter().rposition(|taken| taken.set_to == wish);
        as_wished.map(|place| idle.swap_remove(place)).or_else(|| idle.pop())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Taken<S>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Deref for Taken<S> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl<S> DerefMut for Taken<S> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// A question with what one row of its answer becomes.
type Question<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

/// The log's connections for short questions. Clones share what is at hand.
#[derive(Clone)]
pub struct Connections {
    at_hand: AtHand<()>,
}

impl Connections {
    pub fn new(pool: PgPool) -> Self {
        let most = pool.options().get_max_connections() / 2;
        let most = usize::try_from(most).unwrap_or_default();
        Self { at_hand: AtHand::new(pool, most) }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.at_hand.pool
    }

    pub(crate) async fn all<T>(&self, question: Question<'_, T>) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut taken = self.at_hand.take(None).await?;
        let rows = question.fetch_all(&mut *taken).await?;
        self.at_hand.keep(taken);
        Ok(rows)
    }

    pub(crate) async fn optional<T>(
        &self,
        question: Question<'_, T>,
    ) -> Result<Option<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.all(question).await?.into_iter().next())
    }

    pub(crate) async fn one<T>(&self, question: Question<'_, T>) -> Result<T, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.optional(question).await?.ok_or(sqlx::Error::RowNotFound)
    }
}
