//! The code did not come, or came too late: another one, for the same sign-in.

use super::{RESENDS_ALLOWED, SignInCodes, SignInCodesError, SignInCodesEvent};
use crate::command::Command;
use crate::id::ChallengeId;
use crate::moment::Moment;
use crate::permission::Permission;

pub struct AskCodeAgain {
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<SignInCodes> for AskCodeAgain {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// Tries are not given back, nor is time.
    fn decide(&self, codes: &SignInCodes) -> Result<Vec<SignInCodesEvent>, SignInCodesError> {
        let waiting = codes.waiting(self.challenge, self.now)?;
        codes.may_be_mailed(self.now)?;
        if waiting.resends >= RESENDS_ALLOWED {
            return Err(SignInCodesError::TooManyLetters);
        }
        Ok(vec![SignInCodesEvent::CodeAskedAgain {
            challenge: self.challenge,
            at: self.now,
            resends: waiting.resends + 1,
            expires_at: waiting.expires_at,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn again(challenge: i64, minute: i64) -> AskCodeAgain {
        AskCodeAgain { challenge: ChallengeId::new(challenge), now: at(minute) }
    }

    #[test]
    fn three_times_within_the_five_minutes() {
        let mut story = vec![asked(1, 0)];
        for resends in 1..=3 {
            given::<SignInCodes>(story.clone())
                .when(again(1, 1))
                .then_expect_events(vec![asked_again(1, resends, 1)]);
            story.push(asked_again(1, resends, 1));
        }
        given::<SignInCodes>(story)
            .when(again(1, 1))
            .then_expect_error(SignInCodesError::TooManyLetters);
        given::<SignInCodes>(vec![asked(1, 0)])
            .when(again(1, 5))
            .then_expect_error(SignInCodesError::NotWaiting);
    }
}
