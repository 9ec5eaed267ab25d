//! The log's connections for short questions. A pool asks a connection that is given back whether it
//! lives: one more round trip for each question, and somebody to wake for it. One that has just
//! answered is kept at hand instead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, Postgres};

use crate::database::TRUSTED_FOR;

/// Then the pool gets it back, which retires connections of a certain age.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// A question with what one row of its answer becomes.
type Question<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

/// Clones share what is at hand.
#[derive(Clone)]
pub struct Connections {
    pool: PgPool,
    at_hand: Arc<Mutex<Vec<AtHand>>>,
    /// The others are left to the pool, for those who ask it.
    most: usize,
}

struct AtHand {
    connection: PoolConnection<Postgres>,
    since: Instant,
    answered: Instant,
}

impl Connections {
    pub fn new(pool: PgPool) -> Self {
        let most = pool.options().get_max_connections() / 2;
        let most = usize::try_from(most).unwrap_or_default();
        Self { pool, at_hand: Arc::default(), most }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn all<T>(&self, question: Question<'_, T>) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut taken = self.take().await?;
        // Dropped before it has answered whole, it goes back to the pool, which looks after it.
        let rows = question.fetch_all(&mut *taken.connection).await?;
        self.keep(taken);
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

    /// The one that answered last, if that was just now.
    async fn take(&self) -> Result<AtHand, sqlx::Error> {
        let last = self.at_hand().pop();
        if let Some(at_hand) = last
            && at_hand.answered.elapsed() < TRUSTED_FOR
        {
            return Ok(at_hand);
        }
        let (connection, now) = (self.pool.acquire().await?, Instant::now());
        Ok(AtHand { connection, since: now, answered: now })
    }

    fn keep(&self, taken: AtHand) {
        let mut at_hand = self.at_hand();
        if at_hand.len() < self.most && taken.since.elapsed() < KEPT_FOR {
            at_hand.push(AtHand { answered: Instant::now(), ..taken });
        }
    }

    fn at_hand(&self) -> MutexGuard<'_, Vec<AtHand>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
