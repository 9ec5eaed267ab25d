//! Answering the question that was mailed: the address is the person's.

use super::{Status, User, UserError, UserEvent};
use crate::command::Command;
use crate::id::ChallengeId;
use crate::moment::Moment;
use crate::permission::Permission;

/// The token has been checked already; what is left is whether its challenge is the open one.
pub struct VerifyEmail {
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<User> for VerifyEmail {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account().map_err(|_| UserError::WrongChallenge)?;
        let asked = account.verification;
        if account.status != Status::Pending {
            Err(UserError::ChallengeSpent)
        } else if asked.id != self.challenge {
            Err(UserError::WrongChallenge)
        } else if asked.expires_at <= self.now {
            Err(UserError::ChallengeExpired)
        } else {
            Ok(vec![UserEvent::EmailVerified {}])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::{Given, given};

    fn asked() -> Given<User> {
        given(vec![registered()])
    }

    fn answer(challenge: ChallengeId, unix_ms: i64) -> VerifyEmail {
        VerifyEmail { challenge, now: Moment::from_unix_ms(unix_ms) }
    }

    #[test]
    fn the_right_answer_in_time_activates() {
        asked()
            .when(answer(CHALLENGE.id, 86_399_999))
            .then_expect_events(vec![UserEvent::EmailVerified {}]);
    }

    #[test]
    fn a_late_answer_is_refused() {
        asked()
            .when(answer(CHALLENGE.id, 86_400_000))
            .then_expect_error(UserError::ChallengeExpired);
    }

    #[test]
    fn the_answer_to_another_question_is_refused() {
        asked().when(answer(ChallengeId::new(1), 1)).then_expect_error(UserError::WrongChallenge);
    }

    #[test]
    fn an_answer_counts_once() {
        given::<User>(vec![registered(), UserEvent::EmailVerified {}])
            .when(answer(CHALLENGE.id, 1))
            .then_expect_error(UserError::ChallengeSpent);
    }
}
