//! Counting begins again: after the right password, a new one by mail, or by an administrator.

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

/// After the right password. It does not lift what an administrator has locked meanwhile.
pub struct CountAgain {
    pub now: Moment,
}

impl Command<SignInGuard> for CountAgain {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, guard: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        match guard.locked_until {
            Some(until) if self.now < until => Err(SignInGuardError::Locked(until)),
            Some(_) | None => OpenGuard.decide(guard),
        }
    }
}

/// Whatever locked it. Whether it may be opened has been decided.
pub struct OpenGuard;

impl Command<SignInGuard> for OpenGuard {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, guard: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        if guard.attempts == 0 && guard.locked_until.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![SignInGuardEvent::GuardOpened {}])
    }
}
