//! A final block stays. Where one does not, verdicts may be wrong: that is for people, and nothing new
//! is begun meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::outside::chain::{Chain, ChainError};

/// What was final on a network, as far as this process saw it.
#[derive(Default)]
pub(super) struct Finality {
    seen: Mutex<Option<(u64, String)>>,
    broken: AtomicBool,
}

impl Finality {
    /// Whether the network has taken back what was final.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Looks whether the newest block that was final is still there.
    pub async fn watch(&self, chain: &dyn Chain, finalized: u64) -> Result<(), ChainError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((number, hash)) = seen {
            let now_there = chain.block_hash(number).await?;
            // A node that is behind has no block there yet, which says nothing.
            if now_there.is_some_and(|there| there != hash) {
                let network = chain.network();
                tracing::error!(
                    network,
                    number,
                    "ALARM: a final block was taken back; nothing new is minted until a restart"
                );
                self.broken.store(true, Ordering::Relaxed);
            }
            if finalized <= number {
                return Ok(());
            }
        }
        let hash = chain.block_hash(finalized).await?;
        let newest = hash.map(|hash| (finalized, hash));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = newest;
        Ok(())
    }
}
