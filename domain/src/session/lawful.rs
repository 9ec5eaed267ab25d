//! Which commands may have brought a session's events about.

use super::{
    EndSession, OpenSession, RefreshTokens, SESSION_IDLE_LIFE, SESSION_REMEMBERED_LIFE, Session,
    SessionEvent,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::moment::Moment;
use crate::replay::Lawful;

/// Later than any grace.
const IN_THE_END: Moment = Moment::from_unix_ms(i64::MAX / 2);

impl Lawful for Session {
    fn causes(&self, event: &SessionEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event {
            SessionEvent::SessionOpened {
                user,
                device: Some(device),
                address,
                user_agent,
                remember_me,
                expires_at,
            } => {
                let life = if *remember_me { SESSION_REMEMBERED_LIFE } else { SESSION_IDLE_LIFE };
                Decision::of(OpenSession {
                    user: *user,
                    device: *device,
                    // Stand for what is sealed.
                    address: address.as_ref().map(|_| String::new()),
                    user_agent: user_agent.as_ref().map(|_| String::new()),
                    remember_me: *remember_me,
                    now: expires_at.minus(life),
                })
            }
            // From before there were devices.
            SessionEvent::SessionOpened { device: None, .. } => return vec![],
            SessionEvent::TokensRefreshed { generation, at, .. } => {
                let generation = generation.saturating_sub(1);
                Decision::of(RefreshTokens { generation, now: *at })
            }
            SessionEvent::RefreshTokenReuseDetected { generation, .. } => {
                Decision::of(RefreshTokens { generation: *generation, now: IN_THE_END })
            }
            SessionEvent::SessionRevoked { reason, .. } => {
                Decision::of(EndSession { reason: *reason })
            }
        }]
    }
}
