//! Questions that may be answered once, over all processes: kept as digests until they are.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;

use crate::store::StoreError;

#[derive(Clone)]
pub struct Questions {
    pool: PgPool,
}

impl Questions {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Opens a question for a while.
    pub async fn ask(&self, digest: &[u8; 32], life: Duration) -> Result<(), StoreError> {
        let microseconds = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
        sqlx::query("select eventstore.ask($1, $2)")
            .bind(digest.as_slice())
            .bind(PgInterval { months: 0, days: 0, microseconds })
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Closes a question; says whether it was open.
    pub async fn answer(&self, digest: &[u8; 32]) -> Result<bool, StoreError> {
        let (was_open,): (bool,) = sqlx::query_as("select eventstore.answer($1)")
            .bind(digest.as_slice())
            .fetch_one(&self.pool)
            .await?;
        Ok(was_open)
    }
}
