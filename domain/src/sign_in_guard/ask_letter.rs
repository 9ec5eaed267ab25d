//! A letter to the address. Not more than some of a kind an hour, so that nobody's letter box is
//! filled, and each kind for itself, so that one cannot be used up to hold back another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

/// Of each kind.
pub const LETTERS_AN_HOUR: usize = 3;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// What kind of letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letter {
    Verification,
    PasswordReset,
    /// Somebody tried to register with an address that has an account.
    AlreadyRegistered,
}

pub struct AskLetter {
    pub letter: Letter,
    pub now: Moment,
}

impl Command<SignInGuard> for AskLetter {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// No event: none is to be sent.
    fn decide(&self, guard: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        let recent = guard
            .letters
            .iter()
            .filter(|(letter, at)| *letter == self.letter && self.now < at.plus(HOUR))
            .count();
        if recent >= LETTERS_AN_HOUR {
            return Ok(vec![]);
        }
        Ok(vec![SignInGuardEvent::LetterAsked { letter: self.letter, at: self.now }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn three_letters_of_a_kind_an_hour() {
        let at = |minute: i64| Moment::from_unix_ms(minute * 60_000);
        let letter = Letter::PasswordReset;
        let asked = |minute| SignInGuardEvent::LetterAsked { letter, at: at(minute) };
        let ask = |minute| AskLetter { letter, now: at(minute) };
        let three = || given::<SignInGuard>(vec![asked(0), asked(1), asked(2)]);
        given::<SignInGuard>(vec![asked(0), asked(1)])
            .when(ask(2))
            .then_expect_events(vec![asked(2)]);
        three().when(ask(59)).then_expect_events(vec![]);
        three().when(ask(60)).then_expect_events(vec![asked(60)]);
        let letter = Letter::Verification;
        three()
            .when(AskLetter { letter, now: at(3) })
            .then_expect_events(vec![SignInGuardEvent::LetterAsked { letter, at: at(3) }]);
    }
}
