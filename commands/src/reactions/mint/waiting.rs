//! Mints of a network that are ready for a nonce. Only a memory: the sweep finds them again in the
//! log.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::id::{TenantId, WhiskeyId};
use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Waiting {
    mints: Mutex<BTreeSet<(WhiskeyId, TenantId)>>,
    rung: Notify,
}

impl Waiting {
    pub fn add(&self, tenant: TenantId, mint: WhiskeyId) {
        self.mints().insert((mint, tenant));
        self.rung.notify_waiters();
    }

    /// Some of them, for a lane that has room. Lanes share them by asking.
    pub fn take(&self, most: usize) -> Vec<(TenantId, WhiskeyId)> {
        let mut mints = self.mints();
        (0..most).map_while(|_| mints.pop_first()).map(|(mint, tenant)| (tenant, mint)).collect()
    }

    pub fn put_back(&self, mints: &[(TenantId, WhiskeyId)]) {
        self.mints().extend(mints.iter().map(|(tenant, mint)| (*mint, *tenant)));
    }

    pub fn is_empty(&self) -> bool {
        self.mints().is_empty()
    }

    /// Until something is added.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }

    fn mints(&self) -> MutexGuard<'_, BTreeSet<(WhiskeyId, TenantId)>> {
        self.mints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
