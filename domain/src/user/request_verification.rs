//! Asking again whether the address is theirs: the mail was lost, or came too late.

use super::{Challenge, EMAIL_CHALLENGE_LIFE, Status, User, UserError, UserEvent};
use crate::command::Command;
use crate::id::ChallengeId;
use crate::moment::Moment;
use crate::permission::Permission;

pub struct RequestVerification {
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<User> for RequestVerification {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// The question before this one is closed by it.
    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account()?;
        if account.status != Status::Pending {
            return Ok(vec![]);
        }
        let expires_at = self.now.plus(EMAIL_CHALLENGE_LIFE);
        Ok(vec![UserEvent::EmailVerificationRequested {
            email: account.email.clone(),
            challenge: Challenge { id: self.challenge, expires_at },
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::VerifyEmail;
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    const AGAIN: ChallengeId = ChallengeId::new(9);

    fn asked_again() -> UserEvent {
        let expires_at = Moment::from_unix_ms(86_400_001);
        let challenge = Challenge { id: AGAIN, expires_at };
        UserEvent::EmailVerificationRequested { email: email(), challenge }
    }

    #[test]
    fn only_who_has_not_answered_is_asked_again() {
        let ask = || RequestVerification { challenge: AGAIN, now: Moment::from_unix_ms(1) };
        given::<User>(vec![registered()]).when(ask()).then_expect_events(vec![asked_again()]);
        given::<User>(settled()).when(ask()).then_expect_events(vec![]);
        given::<User>(vec![]).when(ask()).then_expect_error(UserError::Absent);
    }

    #[test]
    fn the_newest_question_is_the_one_that_counts() {
        let answer = |challenge| VerifyEmail { challenge, now: Moment::from_unix_ms(2) };
        let twice = || given::<User>(vec![registered(), asked_again()]);
        twice().when(answer(CHALLENGE.id)).then_expect_error(UserError::WrongChallenge);
        twice().when(answer(AGAIN)).then_expect_events(vec![UserEvent::EmailVerified {}]);
    }
}
