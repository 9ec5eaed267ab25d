//! What the commits of one batch touch: two that touch the same thing go one after the other.

use std::collections::HashSet;

use domain::id::TenantId;

use crate::appender::Job;
use crate::commit::Condition;
use crate::vault::Drawer;

/// What the commits of a batch touch.
#[derive(Default)]
pub(crate) struct Touched {
    written: HashSet<(&'static str, String)>,
    read: HashSet<(&'static str, String)>,
    claims: HashSet<(TenantId, &'static str, Vec<u8>)>,
    keys: HashSet<(TenantId, String, String)>,
    data_keys: HashSet<Drawer>,
}

impl Touched {
    /// Notes what the job touches, unless it collides with what is noted.
    pub fn admit(&mut self, job: &Job) -> bool {
        let stream =
            |condition: &Condition| (condition.aggregate_type, condition.aggregate_id.clone());
        let written: Vec<_> = job.written.iter().map(stream).collect();
        let read: Vec<_> = job.read.iter().map(stream).collect();
        let claims: Vec<_> =
            job.claims.iter().map(|c| (job.tenant, c.kind, c.digest.clone())).collect();
        let key = job.key.as_ref().map(|(k, _)| (job.tenant, job.actor.clone(), k.key.clone()));

        let collides = written.iter().any(|s| self.written.contains(s) || self.read.contains(s))
            || read.iter().any(|s| self.written.contains(s))
            || claims.iter().any(|c| self.claims.contains(c))
            || key.iter().any(|k| self.keys.contains(k))
            || job.data_keys.iter().any(|k| self.data_keys.contains(&k.drawer));
        if !collides {
            self.written.extend(written);
            self.read.extend(read);
            self.claims.extend(claims);
            self.keys.extend(key);
            self.data_keys.extend(job.data_keys.iter().map(|k| k.drawer));
        }
        !collides
    }
}
