//! Ending a session before its time.

use super::{EndReason, Session, SessionError, SessionEvent};
use crate::command::Command;
use crate::permission::Permission;

/// Whose session it is has been checked.
pub struct EndSession {
    pub reason: EndReason,
}

impl Command<Session> for EndSession {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, session: &Session) -> Result<Vec<SessionEvent>, SessionError> {
        match session {
            Session::Unopened => Err(SessionError::Absent),
            Session::Ended { .. } => Ok(vec![]),
            Session::Open(open) => {
                Ok(vec![SessionEvent::SessionRevoked { user: open.user, reason: self.reason }])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    const OUT: EndReason = EndReason::SignedOut;

    #[test]
    fn a_session_ends_once() {
        let end = || EndSession { reason: OUT };
        given::<Session>(vec![opened(false)]).when(end()).then_expect_events(vec![revoked(OUT)]);
        given::<Session>(vec![opened(false), revoked(OUT)]).when(end()).then_expect_events(vec![]);
        given::<Session>(vec![]).when(end()).then_expect_error(SessionError::Absent);
    }
}
