//! Connections for searches. Each stays set to the tenant it served last, and at hand, so that a search
//! is the questions it asks and nothing around them: no beginning, no end, no ping.
//!
//! The database lets a connection see the rows of the tenant it is set to. That outlives a search here,
//! so these connections are for nobody else, and none of them answers before it is set.

use domain::id::TenantId;
use eventstore::connections::{AtHand, Taken};
use eventstore::database::{self, Role};
use sqlx::Executor;

/// Search knows what is frequent and goes one way only.
const ONE_WAY: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("default_transaction_read_only", "on"),
];

/// Clones share what is at hand.
#[derive(Clone)]
pub struct Searchers(AtHand<TenantId>);

impl Searchers {
    /// Connects when first used.
    pub fn new(url: &str, max_connections: u32) -> Result<Self, sqlx::Error> {
        let pool = database::pool_with(url, Role::Reader, max_connections, &ONE_WAY)?;
        let most = usize::try_from(max_connections).unwrap_or(usize::MAX);
        Ok(Self(AtHand::new(pool, most)))
    }

    /// One that sees this tenant's rows.
    pub(crate) async fn of(&self, tenant: TenantId) -> Result<Taken<TenantId>, sqlx::Error> {
        let mut searcher = self.0.take(Some(tenant)).await?;
        if searcher.set_to != Some(tenant) {
            searcher.set_to = None;
            let set = format!("set caskchain.tenant = '{tenant}'");
            searcher.execute(set.as_str()).await?;
            searcher.set_to = Some(tenant);
        }
        Ok(searcher)
    }

    pub(crate) fn keep(&self, searcher: Taken<TenantId>) {
        self.0.keep(searcher);
    }
}
