//! Recent aggregates, so that a command on a long stream costs what it costs on a short one. What
//! is here may be old: it is a place to start from, and the append judges.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use domain::command::Root;
use domain::id::TenantId;
use lru::LruCache;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

#[derive(Clone)]
struct Entry {
    tenant: TenantId,
    sequence: i64,
    state: Arc<dyn Any + Send + Sync>,
}

/// Bounded by count; the least recently used goes first.
#[derive(Clone)]
pub(crate) struct Cache(Arc<Mutex<LruCache<(&'static str, String), Entry>>>);

impl Cache {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(CAPACITY))))
    }

    pub fn get<A: Root>(&self, id: &str) -> Option<(TenantId, i64, Arc<A>)> {
        let entry = self.entries().get(&(A::TYPE, id.to_owned())).cloned()?;
        let state = entry.state.downcast::<A>().ok()?;
        Some((entry.tenant, entry.sequence, state))
    }

    /// Remembers a state unless a newer one is known.
    pub fn put<A: Root>(&self, tenant: TenantId, id: &str, sequence: i64, state: Arc<A>) {
        let key = (A::TYPE, id.to_owned());
        let mut entries = self.entries();
        if entries.peek(&key).is_none_or(|known| known.sequence < sequence) {
            entries.put(key, Entry { tenant, sequence, state });
        }
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, LruCache<(&'static str, String), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
