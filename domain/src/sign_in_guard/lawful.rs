//! Which commands may have brought the events of a door's guard about.

use super::{
    AskLetter, CountAttempt, LockGuard, OpenGuard, RecordFailure, SignInGuard, SignInGuardEvent,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for SignInGuard {
    fn causes(&self, event: &SignInGuardEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event {
            SignInGuardEvent::AttemptCounted { at, .. } => Decision::of(CountAttempt { now: *at }),
            SignInGuardEvent::AttemptFailed { user, address, user_agent } => {
                Decision::of(RecordFailure {
                    user: *user,
                    // Stand for what is sealed.
                    address: address.as_ref().map(|_| String::new()),
                    user_agent: user_agent.as_ref().map(|_| String::new()),
                })
            }
            SignInGuardEvent::GuardLocked { until } => Decision::of(LockGuard { until: *until }),
            SignInGuardEvent::GuardOpened {} => Decision::of(OpenGuard),
            SignInGuardEvent::LetterAsked { letter, at } => {
                Decision::of(AskLetter { letter: *letter, now: *at })
            }
        }]
    }
}
