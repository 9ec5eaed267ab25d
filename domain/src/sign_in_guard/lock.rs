//! Locking, and saying that it is locked.

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

pub struct LockGuard {
    pub until: Moment,
}

impl Command<SignInGuard> for LockGuard {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, _: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        Ok(vec![SignInGuardEvent::GuardLocked { until: self.until }])
    }
}
