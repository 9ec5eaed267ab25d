//! The right password, an administrator, or a new password by mail: counting begins again.

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::permission::Permission;

/// Whether it may be opened has been decided.
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
