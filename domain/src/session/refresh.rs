//! Changing a refresh token for the next. The token itself has been checked: it is one that this
//! platform derived for this session, or will derive.

use std::time::Duration;

use super::{EndReason, Open, Session, SessionError, SessionEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

/// How long the token before is still taken: the answer with its successor may have been lost, or
/// two requests of one client may have crossed. Both get the same successor.
pub const REFRESH_GRACE: Duration = Duration::from_secs(10);

pub struct RefreshTokens {
    /// Of the token that was shown.
    pub generation: u32,
    pub now: Moment,
}

impl Command<Session> for RefreshTokens {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// No event: the successor is the one that was given out already.
    fn decide(&self, session: &Session) -> Result<Vec<SessionEvent>, SessionError> {
        let open = match session {
            Session::Unopened => return Err(SessionError::Unknown),
            Session::Ended { .. } => return Err(SessionError::RefreshRevoked),
            Session::Open(open) => open,
        };
        if open.generation < self.generation {
            return Err(SessionError::Unknown);
        }
        if self.generation == open.generation {
            return self.next(open).map(|event| vec![event]);
        }
        if self.generation + 1 == open.generation && open.in_grace(self.now) {
            return Ok(vec![]);
        }
        // Also in a session that ran out: the copy is out there, and its owner should know.
        Ok(vec![
            SessionEvent::RefreshTokenReuseDetected {
                user: open.user,
                generation: self.generation,
            },
            SessionEvent::SessionRevoked { user: open.user, reason: EndReason::TokenReused },
        ])
    }
}

impl RefreshTokens {
    fn next(&self, open: &Open) -> Result<SessionEvent, SessionError> {
        if open.is_over(self.now) {
            return Err(SessionError::RefreshExpired);
        }
        Ok(SessionEvent::TokensRefreshed {
            generation: open.generation + 1,
            at: self.now,
            expires_at: open.used_at(self.now),
        })
    }
}

impl Open {
    fn in_grace(&self, now: Moment) -> bool {
        self.rotated_at.is_some_and(|rotated_at| now <= rotated_at.plus(REFRESH_GRACE))
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;
    use proptest::prelude::*;

    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn show(generation: u32, at_s: i64) -> RefreshTokens {
        RefreshTokens { generation, now: Moment::from_unix_ms(at_s * 1_000) }
    }

    #[test]
    fn the_token_of_today_is_changed_for_the_next() {
        given::<Session>(vec![opened(false)])
            .when(show(0, 600))
            .then_expect_events(vec![refreshed(1, 600)]);
    }

    #[test]
    fn a_token_shown_again_at_once_gets_the_same_successor() {
        let once = || given::<Session>(vec![opened(false), refreshed(1, 600)]);
        once().when(show(0, 610)).then_expect_events(vec![]);
        once()
            .when(show(0, 611))
            .then_expect_events(vec![reused(0), revoked(EndReason::TokenReused)]);
    }

    #[test]
    fn a_token_whose_successor_was_used_ends_the_session() {
        given::<Session>(vec![opened(false), refreshed(1, 600), refreshed(2, 601)])
            .when(show(0, 602))
            .then_expect_events(vec![reused(0), revoked(EndReason::TokenReused)]);
    }

    #[test]
    fn what_is_over_is_not_refreshed() {
        given::<Session>(vec![]).when(show(0, 1)).then_expect_error(SessionError::Unknown);
        given::<Session>(vec![opened(false)])
            .when(show(1, 1))
            .then_expect_error(SessionError::Unknown);
        given::<Session>(vec![opened(false)])
            .when(show(0, 7_200))
            .then_expect_error(SessionError::RefreshExpired);
        given::<Session>(vec![opened(false), revoked(EndReason::SignedOut)])
            .when(show(0, 1))
            .then_expect_error(SessionError::RefreshRevoked);
    }

    #[test]
    fn use_keeps_a_session_alive_for_a_week_and_no_longer() {
        let mut session = Session::default();
        session.apply(opened(false));
        let (mut generation, mut at_s) = (0, 0);
        while let Ok(events) = show(generation, at_s).decide(&session) {
            for event in events {
                session.apply(event);
            }
            generation += 1;
            at_s += 7_000;
        }
        assert!((604_800..604_800 + 7_000).contains(&at_s), "{at_s}");
    }

    proptest! {
        /// However requests interleave: nobody but the two holders of one token within the grace
        /// ever has the same tokens, and a copy used later than that ends the session.
        #[test]
        fn a_session_never_forks(shown in prop::collection::vec((0..6_u32, 0..25_i64), 1..40)) {
            let mut session = Session::default();
            session.apply(opened(false));
            let (mut now_s, mut newest, mut rotated_s) = (0, 0, None);
            for (generation, pause_s) in shown {
                now_s += pause_s;
                let ended = matches!(session, Session::Ended { .. });
                let decided = show(generation, now_s).decide(&session);
                match decided {
                    Err(_) => prop_assert!(ended || generation > newest),
                    Ok(events) => {
                        prop_assert!(!ended);
                        let in_grace = rotated_s.is_some_and(|s: i64| now_s <= s + 10);
                        if generation == newest {
                            newest += 1;
                            rotated_s = Some(now_s);
                            prop_assert_eq!(&events, &vec![refreshed(newest, now_s)]);
                        } else if generation + 1 == newest && in_grace {
                            prop_assert_eq!(&events, &vec![]);
                        } else {
                            prop_assert_eq!(events.len(), 2);
                        }
                        for event in events {
                            session.apply(event);
                        }
                    }
                }
            }
        }
    }
}
