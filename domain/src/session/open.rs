//! Opening a session after the credentials were found right.

use std::time::Duration;

use super::{Open, Session, SessionError, SessionEvent};
use crate::command::Command;
use crate::id::{DeviceId, UserId};
use crate::moment::Moment;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// A session that nobody uses ends after this long.
pub const SESSION_IDLE_LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a session lasts however much it is used.
pub const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it lasts, used or not, when the person asked to be remembered.
pub const SESSION_REMEMBERED_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub struct OpenSession {
    pub user: UserId,
    pub device: DeviceId,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub remember_me: bool,
    pub now: Moment,
}

impl OpenSession {
    /// When the session is over, however much it is used.
    pub fn ends_at(&self) -> Moment {
        self.now.plus(if self.remember_me { SESSION_REMEMBERED_LIFE } else { SESSION_LIFE })
    }
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
            device: Some(self.device),
            address: self.address.as_ref().map(secure),
            user_agent: self.user_agent.as_ref().map(secure),
            remember_me: self.remember_me,
            expires_at: self.now.plus(life),
        }])
    }
}

impl Open {
    /// `idle_until` is as it was written when the session was opened.
    pub(super) fn new(
        user: UserId,
        device: Option<DeviceId>,
        remember_me: bool,
        idle_until: Moment,
    ) -> Self {
        let rest = if remember_me { Duration::ZERO } else { SESSION_LIFE - SESSION_IDLE_LIFE };
        let ends_at = idle_until.plus(rest);
        Self { user, device, remember_me, generation: 0, rotated_at: None, idle_until, ends_at }
    }

    pub fn is_over(&self, now: Moment) -> bool {
        self.idle_until.min(self.ends_at) <= now
    }

    /// Until when its refresh token is good, if it is used in time.
    pub fn ends_at(&self) -> Moment {
        self.ends_at
    }

    /// Until when it is good if it is used now.
    pub(super) fn used_at(&self, now: Moment) -> Moment {
        if self.remember_me { self.ends_at } else { now.plus(SESSION_IDLE_LIFE).min(self.ends_at) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command(remember_me: bool) -> OpenSession {
        OpenSession {
            user: MOIRA,
            device: DeviceId::new(7_204_005),
            address: Some("203.0.113.7".into()),
            user_agent: None,
            remember_me,
            now: Moment::from_unix_ms(0),
        }
    }

    #[test]
    fn a_session_lasts_two_hours_or_thirty_days() {
        given::<Session>(vec![]).when(command(false)).then_expect_events(vec![opened(false)]);
        given::<Session>(vec![]).when(command(true)).then_expect_events(vec![opened(true)]);
        let SessionEvent::SessionOpened { expires_at, .. } = opened(true) else { unreachable!() };
        assert_eq!(expires_at.unix_s(), 2_592_000);
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it() {
        let mut session = Session::default();
        assert_eq!(session.must_be_open(Moment::from_unix_ms(0)), Err(SessionError::Ended));
        cqrs_es::Aggregate::apply(&mut session, opened(false));
        assert_eq!(session.must_be_open(Moment::from_unix_ms(7_199_999)), Ok(()));
        let end = Moment::from_unix_ms(7_200_000);
        assert_eq!(session.must_be_open(end), Err(SessionError::Ended));
    }

    #[test]
    fn a_session_opens_once() {
        given::<Session>(vec![opened(false)])
            .when(command(false))
            .then_expect_error(SessionError::AlreadyOpen);
    }
}
