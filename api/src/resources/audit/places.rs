//! Places for what takes long: few, and fewer for each tenant, so that nobody takes all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::TenantId;

#[derive(Clone)]
pub struct Places {
    all: usize,
    of_a_tenant: usize,
    taken: Arc<Mutex<BTreeMap<TenantId, usize>>>,
}

/// A tenant's place, for as long as it lives.
pub struct Place {
    places: Places,
    tenant: TenantId,
}

impl Places {
    pub fn new(all: usize, of_a_tenant: usize) -> Self {
        Self { all, of_a_tenant, taken: Arc::default() }
    }

    pub fn take(&self, tenant: TenantId) -> Option<Place> {
        let mut taken = self.taken();
        let of_all: usize = taken.values().sum();
        let of_tenant = taken.get(&tenant).copied().unwrap_or_default();
        if of_all >= self.all || of_tenant >= self.of_a_tenant {
            return None;
        }
        taken.insert(tenant, of_tenant + 1);
        drop(taken);
        Some(Place { places: self.clone(), tenant })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<TenantId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
        }
        taken.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_few_places_until_it_gives_them_back_and_all_have_not_many_more() {
        let places = Places::new(3, 2);
        let [one, two] = [1, 2].map(TenantId::new);
        let first = places.take(one).unwrap();
        let second = places.take(one).unwrap();
        assert!(places.take(one).is_none());
        let other = places.take(two).unwrap();
        assert!(places.take(two).is_none());
        drop(first);
        let again = places.take(two).unwrap();
        assert!(places.take(one).is_none());
        drop((second, other, again));
        assert!(places.taken().is_empty());
    }
}
