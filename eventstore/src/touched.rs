//! What the commits of one batch touch: two that touch the same thing go one after the other.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

use crate::appender::Job;
use crate::commit::Condition;

/// What the commits of a batch touch, as hashes: where two differ and their hashes do not, a commit
/// only waits for the next batch.
#[derive(Default)]
pub(crate) struct Touched {
    hasher: RandomState,
    taken: HashSet<u64>,
    /// Streams that were read only. Many may read the same.
    read: HashSet<u64>,
}

impl Touched {
    /// Notes what the job touches, unless it collides with what is noted.
    pub fn admit(&mut self, job: &Job) -> bool {
        let taken = self.taken_by(job);
        let read: Vec<u64> = job.read.iter().map(|stream| self.stream(stream)).collect();
        let collides = taken.iter().any(|it| self.taken.contains(it) || self.read.contains(it))
            || read.iter().any(|it| self.taken.contains(it));
        if !collides {
            self.taken.extend(taken);
            self.read.extend(read);
        }
        !collides
    }

    /// Streams it writes, names it claims, its key, and the data keys it makes or destroys.
    fn taken_by(&self, job: &Job) -> Vec<u64> {
        let streams = job.written.iter().map(|stream| self.stream(stream));
        let claims = job.claims.iter().map(|c| self.hash((1, job.tenant, c.kind, &c.digest)));
        let key = job.key.iter().map(|(k, _)| self.hash((2, job.tenant, &job.actor, &k.key)));
        let data_keys = job.data_keys.iter().map(|key| self.hash((3, key.drawer)));
        let erased = job.erased.iter().map(|drawer| self.hash((3, *drawer)));
        streams.chain(claims).chain(key).chain(data_keys).chain(erased).collect()
    }

    fn stream(&self, stream: &Condition) -> u64 {
        self.hash((0, stream.aggregate_type, &stream.aggregate_id))
    }

    fn hash(&self, touched: impl Hash) -> u64 {
        self.hasher.hash_one(touched)
    }
}
