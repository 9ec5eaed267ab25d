//! Opening a session after the credentials were found right.

use std::time::Duration;

use super::{Session, SessionError, SessionEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::moment::Moment;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// A session that nobody uses ends after this long.
pub const SESSION_IDLE_LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a session lasts when the person asked to be remembered.
pub const SESSION_REMEMBERED_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub struct OpenSession {
    pub user: UserId,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub remember_me: bool,
    pub now: Moment,
}

impl Command<Session> for OpenSession {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, session: &Session) -> Result<Vec<SessionEvent>, SessionError> {
        if *session != Session::Unopened {
            return Err(SessionError::AlreadyOpen);
        }
        let life = if self.remember_me { SESSION_REMEMBERED_LIFE } else { SESSION_IDLE_LIFE };
        let secure = |text: &String| Personal::new(self.user, Purpose::Security, text.clone());
        Ok(vec![SessionEvent::SessionOpened {
            user: self.user,
            address: self.address.as_ref().map(secure),
            user_agent: self.user_agent.as_ref().map(secure),
            remember_me: self.remember_me,
            expires_at: self.now.plus(life),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    fn command(remember_me: bool) -> OpenSession {
        OpenSession {
            user: UserId::new(1),
            address: Some("203.0.113.7".into()),
            user_agent: None,
            remember_me,
            now: Moment::from_unix_ms(0),
        }
    }

    fn opened(remember_me: bool, expires_at_s: i64) -> SessionEvent {
        SessionEvent::SessionOpened {
            user: UserId::new(1),
            address: Some(Personal::new(UserId::new(1), Purpose::Security, "203.0.113.7".into())),
            user_agent: None,
            remember_me,
            expires_at: Moment::from_unix_ms(expires_at_s * 1000),
        }
    }

    #[test]
    fn a_session_lasts_two_hours_or_thirty_days() {
        given::<Session>(vec![])
            .when(command(false))
            .then_expect_events(vec![opened(false, 7_200)]);
        given::<Session>(vec![])
            .when(command(true))
            .then_expect_events(vec![opened(true, 2_592_000)]);
    }

    #[test]
    fn a_session_ends_when_its_time_is_up() {
        let mut session = Session::default();
        assert_eq!(session.must_be_open(Moment::from_unix_ms(0)), Err(SessionError::Ended));
        cqrs_es::Aggregate::apply(&mut session, opened(false, 7_200));
        assert_eq!(session.must_be_open(Moment::from_unix_ms(7_199_999)), Ok(()));
        let end = Moment::from_unix_ms(7_200_000);
        assert_eq!(session.must_be_open(end), Err(SessionError::Ended));
    }

    #[test]
    fn a_session_opens_once() {
        given::<Session>(vec![opened(false, 7_200)])
            .when(command(false))
            .then_expect_error(SessionError::AlreadyOpen);
    }
}
