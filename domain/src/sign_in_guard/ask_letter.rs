//! A letter to the address: verification or a new password. Not more than some an hour, so that
//! nobody's letter box is filled.

use std::time::Duration;

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

pub const LETTERS_AN_HOUR: usize = 3;
const HOUR: Duration = Duration::from_secs(60 * 60);

pub struct AskLetter {
    pub now: Moment,
}

impl Command<SignInGuard> for AskLetter {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// No event: none is to be sent.
    fn decide(&self, guard: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        let recent = guard.letters.iter().filter(|at| self.now < at.plus(HOUR)).count();
        if recent >= LETTERS_AN_HOUR {
            return Ok(vec![]);
        }
        Ok(vec![SignInGuardEvent::LetterAsked { at: self.now }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn three_letters_an_hour() {
        let at = |minute: i64| Moment::from_unix_ms(minute * 60_000);
        let asked = |minute| SignInGuardEvent::LetterAsked { at: at(minute) };
        let ask = |minute| AskLetter { now: at(minute) };
        let three = || given::<SignInGuard>(vec![asked(0), asked(1), asked(2)]);
        given::<SignInGuard>(vec![asked(0), asked(1)])
            .when(ask(2))
            .then_expect_events(vec![asked(2)]);
        three().when(ask(59)).then_expect_events(vec![]);
        three().when(ask(60)).then_expect_events(vec![asked(60)]);
    }
}
