//! Connections for searches. Each stays with the tenant it was last set to, and at hand, so that a
//! search is the questions it asks and nothing around them: no beginning, no end, no ping.
//!
//! The database lets a connection see the rows of the tenant it is set to. That outlives a search here,
//! so these connections are for nobody else, and none of them answers before it is set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::id::TenantId;
use eventstore::database::{self, Role, TRUSTED_FOR};
use sqlx::pool::PoolConnection;
use sqlx::{Executor, PgConnection, PgPool, Postgres};

/// Search knows what is frequent and goes one way only.
const ONE_WAY: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("default_transaction_read_only", "on"),
];
/// Then the pool gets it back, which retires connections of a certain age.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Clones share what is at hand.
#[derive(Clone)]
pub struct Searchers {
    pool: PgPool,
    at_hand: Arc<Mutex<Vec<Searcher>>>,
}

/// A connection that sees one tenant's rows.
pub(crate) struct Searcher {
    tenant: TenantId,
    connection: PoolConnection<Postgres>,
    since: Instant,
    answered: Instant,
}

impl Searcher {
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Searchers {
    /// Connects when first used.
    pub fn new(url: &str, max_connections: u32) -> Result<Self, sqlx::Error> {
        let pool = database::pool_with(url, Role::Reader, max_connections, &ONE_WAY)?;
        Ok(Self { pool, at_hand: Arc::default() })
    }

    /// One that sees this tenant's rows. Whoever has got all their answers gives it back by `keep`;
    /// dropped before that, the pool looks after it.
    pub(crate) async fn of(&self, tenant: TenantId) -> Result<Searcher, sqlx::Error> {
        let mut searcher = match self.last(tenant) {
            Some(searcher) if searcher.tenant == tenant => return Ok(searcher),
            Some(searcher) => searcher,
            None => {
                let (connection, now) = (self.pool.acquire().await?, Instant::now());
                Searcher { tenant, connection, since: now, answered: now }
            }
        };
        let set = format!("set caskchain.tenant = '{tenant}'");
        searcher.connection.execute(set.as_str()).await?;
        searcher.tenant = tenant;
        Ok(searcher)
    }

    pub(crate) fn keep(&self, searcher: Searcher) {
        if searcher.since.elapsed() < KEPT_FOR {
            self.at_hand().push(Searcher { answered: Instant::now(), ..searcher });
        }
    }

    /// The tenant's that answered last, or else anybody's, if that was just now.
    fn last(&self, tenant: TenantId) -> Option<Searcher> {
        let mut at_hand = self.at_hand();
        at_hand.retain(|searcher| searcher.answered.elapsed() < TRUSTED_FOR);
        let own = at_hand.iter().rposition(|searcher| searcher.tenant == tenant);
        own.map(|place| at_hand.swap_remove(place)).or_else(|| at_hand.pop())
    }

    fn at_hand(&self) -> MutexGuard<'_, Vec<Searcher>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
