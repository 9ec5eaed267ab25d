//! Being the one of several processes that does what only one should: for as long as a connection
//! holds an advisory lock. It saves the others the trouble; what must not be done twice is guarded
//! where it is done.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgPool};
use tokio::time::timeout;

/// How long taking leave may take.
const LEAVE: Duration = Duration::from_millis(500);

pub(crate) struct Leading(PgConnection);

impl Leading {
    /// None if another process leads.
    pub async fn try_begin(pool: &PgPool, lock: i64) -> Result<Option<Self>, sqlx::Error> {
        // Not the pool's any more: a session that is dropped half-way must not leave its lock behind
        // on an idle connection.
        let mut connection = pool.acquire().await?.detach();
        let (leads,): (bool,) = sqlx::query_as("select pg_try_advisory_lock($1)")
            .bind(lock)
            .fetch_one(&mut connection)
            .await?;
        Ok(leads.then_some(Self(connection)))
    }

    /// For what only the leader does.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Closing the connection gives the lock back, whatever state it is in.
    pub async fn end(self) {
        let _ = timeout(LEAVE, self.0.close()).await;
    }
}
