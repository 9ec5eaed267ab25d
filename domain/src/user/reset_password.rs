//! A forgotten password: asking for another by mail, and setting it.

use std::time::Duration;

use super::{Challenge, Status, User, UserError, UserEvent};
use crate::command::Command;
use crate::id::{ChallengeId, UserId};
use crate::moment::Moment;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// How long the mailed question stays open.
pub const PASSWORD_CHALLENGE_LIFE: Duration = Duration::from_secs(60 * 60);

pub struct RequestPasswordReset {
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<User> for RequestPasswordReset {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// Also somebody whose address is not verified yet: whoever registered with it may have been
    /// somebody else, and this is how its owner gets the account.
    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account()?;
        if !matches!(account.status, Status::Active | Status::Pending) {
            return Ok(vec![]);
        }
        let expires_at = self.now.plus(PASSWORD_CHALLENGE_LIFE);
        Ok(vec![UserEvent::PasswordResetRequested {
            email: account.email.clone(),
            challenge: Challenge { id: self.challenge, expires_at },
        }])
    }
}

/// The token has been checked already, and the password is one that was not used before.
pub struct ResetPassword {
    pub user: UserId,
    pub challenge: ChallengeId,
    pub password_hash: String,
    pub now: Moment,
}

impl ResetPassword {
    /// Whether the question may be answered now.
    pub fn may_answer(&self, user: &User) -> Result<(), UserError> {
        let account = user.account().map_err(|_| UserError::WrongChallenge)?;
        match account.reset {
            _ if account.spent_reset == Some(self.challenge) => Err(UserError::ChallengeSpent),
            Some(asked) if asked.id != self.challenge => Err(UserError::WrongChallenge),
            Some(asked) if asked.expires_at <= self.now => Err(UserError::ChallengeExpired),
            Some(_) => Ok(()),
            None => Err(UserError::WrongChallenge),
        }
    }
}

impl Command<User> for ResetPassword {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        self.may_answer(user)?;
        let hash = self.password_hash.clone();
        let password_hash = Personal::new(self.user, Purpose::Security, hash);
        let reset = UserEvent::PasswordReset { password_hash, at: Some(self.now) };
        Ok(match user.account()?.status {
            // The letter has come to the address.
            Status::Pending => vec![UserEvent::EmailVerified {}, reset],
            Status::Active | Status::Suspended | Status::Inactive => vec![reset],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::{Given, given};

    fn asked() -> Vec<UserEvent> {
        [settled(), vec![reset_requested()]].concat()
    }

    fn story(events: Vec<UserEvent>) -> Given<User> {
        given(events)
    }

    fn answer(challenge: ChallengeId, unix_ms: i64) -> ResetPassword {
        let now = Moment::from_unix_ms(unix_ms);
        ResetPassword { user: MOIRA, challenge, password_hash: "new".into(), now }
    }

    fn reset(at_ms: i64) -> UserEvent {
        let at = Some(Moment::from_unix_ms(at_ms));
        UserEvent::PasswordReset { password_hash: hashed("new"), at }
    }

    #[test]
    fn whoever_may_come_in_is_asked() {
        let ask = || RequestPasswordReset { challenge: RESET.id, now: Moment::from_unix_ms(0) };
        story(settled()).when(ask()).then_expect_events(vec![reset_requested()]);
        story(vec![registered()]).when(ask()).then_expect_events(vec![reset_requested()]);
        let suspended = UserEvent::UserStatusChanged { status: Status::Suspended };
        story([settled(), vec![suspended]].concat()).when(ask()).then_expect_events(vec![]);
        story(vec![]).when(ask()).then_expect_error(UserError::Absent);
    }

    #[test]
    fn the_right_answer_in_time_counts_once() {
        story(asked()).when(answer(RESET.id, 3_599_999)).then_expect_events(vec![reset(3_599_999)]);
        let late = answer(RESET.id, 3_600_000);
        story(asked()).when(late).then_expect_error(UserError::ChallengeExpired);
        let wrong = answer(CHALLENGE.id, 1);
        story(asked()).when(wrong).then_expect_error(UserError::WrongChallenge);
        let after = [asked(), vec![reset(1)]].concat();
        story(after).when(answer(RESET.id, 1)).then_expect_error(UserError::ChallengeSpent);
        story(settled()).when(answer(RESET.id, 1)).then_expect_error(UserError::WrongChallenge);
    }

    #[test]
    fn the_answer_also_says_whose_the_address_is() {
        story(vec![registered(), reset_requested()])
            .when(answer(RESET.id, 1))
            .then_expect_events(vec![UserEvent::EmailVerified {}, reset(1)]);
    }

    #[test]
    fn a_letter_from_before_a_change_opens_nothing() {
        let suspended = UserEvent::UserStatusChanged { status: Status::Suspended };
        let back = UserEvent::UserStatusChanged { status: Status::Active };
        let changed = password_changed("another", 2);
        for change in [vec![suspended.clone()], vec![suspended, back], vec![changed]] {
            story([asked(), change].concat())
                .when(answer(RESET.id, 1))
                .then_expect_error(UserError::WrongChallenge);
        }
    }
}
