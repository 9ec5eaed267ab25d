//! Reading: always as one tenant, which the database enforces, and not before the read model has
//! seen what the caller wants to see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use sqlx::{PgPool, Postgres, Transaction};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::runner::Status;
use crate::searchers::Searchers;

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
    pub(crate) searchers: Searchers,
    /// Read models that run in this process tell at once; others are looked up.
    running: Arc<BTreeMap<&'static str, watch::Receiver<i64>>>,
}

const LOOK_EVERY: Duration = Duration::from_millis(25);

const PLANNING: &str = "set local plan_cache_mode = force_custom_plan;
    set local synchronize_seqscans = off; set local random_page_cost = 1.1;
    set local max_parallel_workers_per_gather = 0; set local work_mem = '32MB'";

/// All that begins a transaction, in one question.
fn scope(tenant: TenantId) -> String {
    format!("begin read only; set local caskchain.tenant = '{tenant}'")
}

impl Readers {
    pub fn new(pool: PgPool, searchers: Searchers, running: &[Status]) -> Self {
        let running = running.iter().map(|status| (status.name, status.position.clone()));
        Self { pool, searchers, running: Arc::new(running.collect()) }
    }

    /// A read-only transaction that sees one tenant's rows.
    pub(crate) async fn tenant(
        &self,
        tenant: TenantId,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin_with(scope(tenant)).await
    }

    /// The same, for lists: every question is planned for what it asks, since what is frequent is
    /// found in another way than what is seldom; and the same casks are found twice.
    pub(crate) async fn listing(
        &self,
        tenant: TenantId,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin_with(format!("{}; {PLANNING}", scope(tenant))).await
    }

    /// A read-only transaction that sees what belongs to no tenant.
    pub(crate) async fn public(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin_with("begin read only").await
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
