//! Reading: always as one tenant, which the database enforces, and not before the read model has
//! seen what the caller wants to see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use sqlx::{Executor, PgPool, Postgres, Transaction};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::runner::Status;

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the read model {0} has not come that far")]
    Behind(&'static str),
    #[error("a row of {table} cannot be read: {reason}")]
    Corrupt { table: &'static str, reason: String },
}

/// The way to the read models.
#[derive(Clone)]
pub struct Readers {
    pool: PgPool,
    /// Read models that run in this process tell at once; others are looked up.
    running: Arc<BTreeMap<&'static str, watch::Receiver<i64>>>,
}

const LOOK_EVERY: Duration = Duration::from_millis(25);

impl Readers {
    pub fn new(pool: PgPool, running: &[Status]) -> Self {
        let running = running.iter().map(|status| (status.name, status.position.clone()));
        Self { pool, running: Arc::new(running.collect()) }
    }

    /// A read-only transaction that sees one tenant's rows.
    pub(crate) async fn tenant(
        &self,
        tenant: TenantId,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let scope = format!("set transaction read only; set local caskchain.tenant = '{tenant}'");
        tx.execute(scope.as_str()).await?;
        Ok(tx)
    }

    /// A read-only transaction that sees what belongs to no tenant.
    pub(crate) async fn public(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        tx.execute("set transaction read only").await?;
        Ok(tx)
    }

    /// Waits until a read model has folded `position`.
    pub async fn wait_for(
        &self,
        projection: &'static str,
        position: i64,
        patience: Duration,
    ) -> Result<(), ReadError> {
        let deadline = Instant::now() + patience;
        if let Some(mut running) = self.running.get(projection).cloned() {
            let seen = running.wait_for(|at| *at >= position);
            return match timeout_at(deadline, seen).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(ReadError::Behind(projection)),
            };
        }
        loop {
            if self.position(projection).await? >= position {
                return Ok(());
            }
            if Instant::now() + LOOK_EVERY > deadline {
                return Err(ReadError::Behind(projection));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Where a read model stands, by its own checkpoint.
    pub async fn position(&self, projection: &'static str) -> Result<i64, ReadError> {
        let (position,): (i64,) =
            sqlx::query_as(&format!("select position from read_{projection}.checkpoint"))
                .fetch_one(&self.pool)
                .await?;
        Ok(position)
    }
}
