//! The guard of an identifier: counts attempts to sign in and mailed letters, whether or not there is an
//! account behind it, so that neither guesses nor refusals tell which it is. Its id is a keyed
//! digest of the identifier.

mod ask_letter;
mod count_attempt;
mod lawful;
mod lock;
mod open;
mod record_failure;

pub use ask_letter::{AskLetter, LETTERS_AN_HOUR, Letter};
pub use count_attempt::{ATTEMPTS_ALLOWED, CountAttempt, LOCK};
pub use lock::LockGuard;
pub use open::{CountAgain, OpenGuard};
pub use record_failure::RecordFailure;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::id::UserId;
use crate::moment::Moment;
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInGuard {
    /// Attempts in a row that did not succeed, as far as is known.
    attempts: u32,
    last_attempt_at: Option<Moment>,
    /// Locked by more than attempts.
    locked_until: Option<Moment>,
    /// Which letters were asked for when, newest last.
    letters: Vec<(Letter, Moment)>,
}

events! {
    pub enum SignInGuardEvent {
        /// Counted before the password is compared, so that guessing many at once gains nothing.
        AttemptCounted = "sign_in_guard.attempt_counted" v 1 { number: u32, at: Moment },
        /// The password was wrong. Whose account it was, if there is one, and where it came from: its
        /// owner may want to know.
        AttemptFailed = "sign_in_guard.attempt_failed" v 1 {
            user: Option<UserId>,
            address: Option<Personal<String>>,
            user_agent: Option<Personal<String>>,
        },
        GuardLocked = "sign_in_guard.locked" v 1 { until: Moment },
        GuardOpened = "sign_in_guard.opened" v 1 {},
        LetterAsked = "sign_in_guard.letter_asked" v 1 { letter: Letter, at: Moment },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SignInGuardError {
    #[error("locked until {0}")]
    Locked(Moment),
}

impl Refusal for SignInGuardError {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }

    fn code(&self) -> &'static str {
        "ACCOUNT_LOCKED"
    }
}

impl SignInGuard {
    fn fold(&mut self, event: SignInGuardEvent) {
        match event {
            SignInGuardEvent::AttemptCounted { number, at } => {
                self.attempts = number;
                self.last_attempt_at = Some(at);
            }
            SignInGuardEvent::AttemptFailed { .. } => {}
            SignInGuardEvent::GuardLocked { until } => self.locked_until = Some(until),
            SignInGuardEvent::GuardOpened {} => {
                self.attempts = 0;
                self.last_attempt_at = None;
                self.locked_until = None;
            }
            SignInGuardEvent::LetterAsked { letter, at } => {
                self.letters.push((letter, at));
                let too_many = self.letters.len().saturating_sub(3 * LETTERS_AN_HOUR);
                self.letters.drain(..too_many);
            }
        }
    }

    /// Nobody comes in while it is locked, with whatever password.
    pub fn must_be_open(&self, now: Moment) -> Result<(), SignInGuardError> {
        match self.locked_until() {
            Some(until) if now < until => Err(SignInGuardError::Locked(until)),
            Some(_) | None => Ok(()),
        }
    }

    fn locked_until(&self) -> Option<Moment> {
        let used_up = self.attempts >= ATTEMPTS_ALLOWED;
        let by_attempts = self.last_attempt_at.filter(|_| used_up).map(|at| at.plus(LOCK));
        by_attempts.max(self.locked_until)
    }
}

aggregate!(SignInGuard, "sign_in_guard", SignInGuardEvent, SignInGuardError, snapshot 1);
