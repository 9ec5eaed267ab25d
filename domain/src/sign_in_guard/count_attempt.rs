//! An attempt to sign in.

use std::time::Duration;

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

/// So many wrong passwords in a row lock.
pub const ATTEMPTS_ALLOWED: u32 = 5;
/// For how long.
pub const LOCK: Duration = Duration::from_secs(30 * 60);

pub struct CountAttempt {
    pub now: Moment,
}

impl Command<SignInGuard> for CountAttempt {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// While it is locked nothing is counted: nobody keeps an owner out by trying on.
    fn decide(&self, guard: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        guard.must_be_open(self.now)?;
        // Open with all attempts used up: the lock has run out.
        let before = if guard.attempts < ATTEMPTS_ALLOWED { guard.attempts } else { 0 };
        Ok(vec![SignInGuardEvent::AttemptCounted { number: before + 1, at: self.now }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CountAgain, LockGuard, OpenGuard};
    use super::*;
    use crate::command::scenario::{Given, given};

    fn at(unix_ms: i64) -> Moment {
        Moment::from_unix_ms(unix_ms)
    }

    fn attempt(now_ms: i64) -> CountAttempt {
        CountAttempt { now: at(now_ms) }
    }

    fn counted(number: u32, at_ms: i64) -> SignInGuardEvent {
        SignInGuardEvent::AttemptCounted { number, at: at(at_ms) }
    }

    fn locked(until_ms: i64) -> SignInGuardEvent {
        SignInGuardEvent::GuardLocked { until: at(until_ms) }
    }

    fn story(events: Vec<SignInGuardEvent>) -> Given<SignInGuard> {
        given(events)
    }

    #[test]
    fn there_are_five_attempts_and_then_half_an_hour_of_none() {
        story(vec![]).when(attempt(0)).then_expect_events(vec![counted(1, 0)]);
        story(vec![counted(4, 0)]).when(attempt(7)).then_expect_events(vec![counted(5, 7)]);
        let until = SignInGuardError::Locked(at(1_800_007));
        story(vec![counted(5, 7)]).when(attempt(1_800_006)).then_expect_error(until);
        story(vec![counted(5, 7)])
            .when(attempt(1_800_007))
            .then_expect_events(vec![counted(1, 1_800_007)]);
    }

    #[test]
    fn a_success_begins_the_count_again() {
        let opened = SignInGuardEvent::GuardOpened {};
        let right = |now_ms| CountAgain { now: at(now_ms) };
        story(vec![counted(4, 0)]).when(right(1)).then_expect_events(vec![opened.clone()]);
        let locked_meanwhile = SignInGuardError::Locked(at(100));
        story(vec![counted(4, 0), locked(100)]).when(right(1)).then_expect_error(locked_meanwhile);
        story(vec![counted(5, 0), opened]).when(attempt(1)).then_expect_events(vec![counted(1, 1)]);
        story(vec![]).when(OpenGuard).then_expect_events(vec![]);
    }

    #[test]
    fn an_administrator_locks_and_opens() {
        story(vec![]).when(LockGuard { until: at(100) }).then_expect_events(vec![locked(100)]);
        story(vec![locked(100)])
            .when(attempt(99))
            .then_expect_error(SignInGuardError::Locked(at(100)));
        story(vec![locked(100)]).when(attempt(100)).then_expect_events(vec![counted(1, 100)]);
        story(vec![locked(100)])
            .when(OpenGuard)
            .then_expect_events(vec![SignInGuardEvent::GuardOpened {}]);
    }
}
