//! Session: one sign-in on one device.

mod open;

pub use open::{OpenSession, SESSION_IDLE_LIFE, SESSION_REMEMBERED_LIFE};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::id::UserId;
use crate::moment::Moment;
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Session {
    #[default]
    Unopened,
    Open {
        user: UserId,
        expires_at: Moment,
    },
}

events! {
    pub enum SessionEvent {
        SessionOpened = "session.opened" v 1 {
            user: UserId,
            /// Where the sign-in came from, as the socket saw it.
            address: Option<Personal<String>>,
            user_agent: Option<Personal<String>>,
            remember_me: bool,
            expires_at: Moment,
        },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    #[error("the session is open already")]
    AlreadyOpen,
    #[error("the session has ended")]
    Ended,
}

impl Refusal for SessionError {
    fn kind(&self) -> Kind {
        match self {
            Self::AlreadyOpen => Kind::Taken,
            Self::Ended => Kind::Unauthenticated,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyOpen => "CONFLICT",
            Self::Ended => "SESSION_EXPIRED",
        }
    }
}

impl Session {
    fn fold(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::SessionOpened { user, expires_at, .. } => {
                *self = Self::Open { user, expires_at };
            }
        }
    }
}

impl Session {
    /// Refuses tokens for a session that has run out.
    pub fn must_be_open(&self, now: Moment) -> Result<(), SessionError> {
        match self {
            Self::Open { expires_at, .. } if now < *expires_at => Ok(()),
            Self::Open { .. } | Self::Unopened => Err(SessionError::Ended),
        }
    }
}

aggregate!(Session, "session", SessionEvent, SessionError, snapshot 1);
