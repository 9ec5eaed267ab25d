//! Recent aggregates, so that a command on a long stream costs what it costs on a short one. What
//! is here may be old: it is a place to start from, and the append judges.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use domain::command::Root;
use domain::id::TenantId;
use lru::LruCache;

use crate::commit::Condition;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

#[derive(Clone)]
struct Entry {
    tenant: TenantId,
    sequence: i64,
    state: Arc<dyn Any + Send + Sync>,
    /// A commit on it lost: there is a newer one in the log.
    outrun: bool,
}

/// Bounded by count; the least recently used goes first.
#[derive(Clone)]
pub(crate) struct Cache(Arc<Mutex<LruCache<(&'static str, String), Entry>>>);

impl Cache {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(CAPACITY))))
    }

    /// A state to decide on.
    pub fn get<A: Root>(&self, id: &str) -> Option<(TenantId, i64, Arc<A>)> {
        self.find(id, |entry| !entry.outrun)
    }

    /// A state to read on from, however old.
    pub fn start<A: Root>(&self, id: &str) -> Option<(TenantId, i64, Arc<A>)> {
        self.find(id, |_| true)
    }

    fn find<A: Root>(
        &self,
        id: &str,
        fit: impl FnOnce(&Entry) -> bool,
    ) -> Option<(TenantId, i64, Arc<A>)> {
        let entry = self.entries().get(&(A::TYPE, id.to_owned())).cloned().filter(fit)?;
        let state = entry.state.downcast::<A>().ok()?;
        Some((entry.tenant, entry.sequence, state))
    }

    /// Remembers a state unless a newer one is known.
    pub fn put<A: Root>(&self, tenant: TenantId, id: &str, sequence: i64, state: Arc<A>) {
        let key = (A::TYPE, id.to_owned());
        let mut entries = self.entries();
        let newer = |known: &Entry| {
            known.sequence < sequence || (known.outrun && known.sequence == sequence)
        };
        if entries.peek(&key).is_none_or(newer) {
            entries.put(key, Entry { tenant, sequence, state, outrun: false });
        }
    }

    /// A commit that expected this has lost. Without this note, a state that another process has
    /// outrun would lose again each time it is tried again.
    pub fn lost(&self, expected: &Condition) {
        let key = (expected.aggregate_type, expected.aggregate_id.clone());
        if let Some(entry) = self.entries().peek_mut(&key)
            && entry.sequence <= expected.expected
        {
            entry.outrun = true;
        }
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, LruCache<(&'static str, String), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
