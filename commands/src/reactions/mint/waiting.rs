//! Mints of a network, and contracts to be made there, that are ready for a nonce. Only a memory: the
//! sweep finds them again in the log.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::id::{DeploymentId, TenantId, WhiskeyId};
use tokio::sync::Notify;

/// A mint, and whose it is.
pub(super) type Mint = (TenantId, WhiskeyId);

#[derive(Default)]
pub(super) struct Waiting {
    mints: Mutex<BTreeSet<(WhiskeyId, TenantId)>>,
    deployments: Mutex<BTreeSet<DeploymentId>>,
    rung: Notify,
}

impl Waiting {
    pub fn add(&self, tenant: TenantId, mint: WhiskeyId) {
        self.mints().insert((mint, tenant));
        self.rung.notify_waiters();
    }

    /// Some of them, for a lane that has room. Lanes share them by asking.
    pub fn take(&self, most: usize) -> Vec<Mint> {
        let mut mints = self.mints();
        (0..most).map_while(|_| mints.pop_first()).map(|(mint, tenant)| (tenant, mint)).collect()
    }

    pub fn put_back(&self, mints: &[Mint]) {
        self.mints().extend(mints.iter().map(|(tenant, mint)| (*mint, *tenant)));
    }

    pub fn add_deployment(&self, deployment: DeploymentId) {
        self.deployments().insert(deployment);
        self.rung.notify_waiters();
    }

    pub fn take_deployment(&self) -> Option<DeploymentId> {
        self.deployments().pop_first()
    }

    pub fn is_empty(&self) -> bool {
        self.mints().is_empty() && self.deployments().is_empty()
    }

    /// Until something is added.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }

    fn deployments(&self) -> MutexGuard<'_, BTreeSet<DeploymentId>> {
        self.deployments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mints(&self) -> MutexGuard<'_, BTreeSet<(WhiskeyId, TenantId)>> {
        self.mints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
