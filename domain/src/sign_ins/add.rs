//! One session more; the oldest make room.

use super::{Listed, SignIns, SignInsError, SignInsEvent};
use crate::command::Command;
use crate::id::SessionId;
use crate::moment::Moment;
use crate::permission::Permission;

/// How many sessions a person may have at once.
pub const SESSIONS_AT_ONCE: usize = 5;

pub struct AddSession {
    pub session: SessionId,
    pub ends_at: Moment,
    pub now: Moment,
}

impl Command<SignIns> for AddSession {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// What is removed here has to be ended with the same commit, unless it has run out.
    fn decide(&self, sign_ins: &SignIns) -> Result<Vec<SignInsEvent>, SignInsError> {
        if sign_ins.sessions().any(|session| session == self.session) {
            return Err(SignInsError::Listed);
        }
        let (live, over): (Vec<&Listed>, Vec<&Listed>) =
            sign_ins.sessions.iter().partition(|listed| self.now < listed.ends_at);
        let too_many = (live.len() + 1).saturating_sub(SESSIONS_AT_ONCE);
        let gone = over.into_iter().chain(live.into_iter().take(too_many));
        let mut events: Vec<_> =
            gone.map(|listed| SignInsEvent::SessionRemoved { session: listed.session }).collect();
        events.push(SignInsEvent::SessionAdded { session: self.session, ends_at: self.ends_at });
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn add(session: i64, now_ms: i64) -> AddSession {
        AddSession {
            session: SessionId::new(session),
            ends_at: Moment::from_unix_ms(100),
            now: Moment::from_unix_ms(now_ms),
        }
    }

    #[test]
    fn the_sixth_takes_the_place_of_the_oldest() {
        let five = (1..=5).map(|session| added(session, 100)).collect();
        given::<SignIns>(five).when(add(6, 99)).then_expect_events(vec![removed(1), added(6, 100)]);
    }

    #[test]
    fn what_has_run_out_goes_first() {
        let mut sessions: Vec<_> = (1..=4).map(|session| added(session, 100)).collect();
        sessions.push(added(5, 50));
        given::<SignIns>(sessions)
            .when(add(6, 50))
            .then_expect_events(vec![removed(5), added(6, 100)]);
    }

    #[test]
    fn a_session_is_listed_once() {
        given::<SignIns>(vec![added(1, 100)])
            .when(add(1, 1))
            .then_expect_error(SignInsError::Listed);
    }
}
