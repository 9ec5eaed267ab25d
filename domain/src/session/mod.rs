//! Session: one sign-in on one device.

mod end;
mod lawful;
mod open;
mod opened_1_to_2;
mod refresh;

pub use end::EndSession;
pub use open::{OpenSession, SESSION_IDLE_LIFE, SESSION_LIFE, SESSION_REMEMBERED_LIFE};
pub use opened_1_to_2::OPENED_1_TO_2;
pub use refresh::{REFRESH_GRACE, RefreshTokens};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::id::{DeviceId, UserId};
use crate::moment::Moment;
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Session {
    #[default]
    Unopened,
    Open(Open),
    Ended {
        user: UserId,
    },
}

/// A session that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub user: UserId,
    /// Where it was opened, if that was noted then.
    pub device: Option<DeviceId>,
    remember_me: bool,
    /// How often its refresh token has been changed for the next.
    pub generation: u32,
    /// When the refresh token of today took the place of the one before.
    rotated_at: Option<Moment>,
    /// Unless it is used before.
    idle_until: Moment,
    /// However much it is used.
    ends_at: Moment,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person signed out, here or from another session.
    SignedOut,
    /// There were too many, and it was the oldest.
    Replaced,
    /// A refresh token that had been changed already was shown again.
    TokenReused,
    PasswordChanged,
    PasswordReset,
    /// The account was suspended, switched off or erased.
    AccountClosed,
    /// Its device was blocked or forgotten.
    DeviceGone,
    /// A service or an administrator asked for it.
    Revoked,
}

events! {
    pub enum SessionEvent {
        SessionOpened = "session.opened" v 2 {
            user: UserId,
            device: Option<DeviceId>,
            /// Where the sign-in came from, as the socket saw it.
            address: Option<Personal<String>>,
            user_agent: Option<Personal<String>>,
            remember_me: bool,
            /// Unless it is used before.
            expires_at: Moment,
        },
        /// The refresh token was changed for the next. Tokens are derived, never written down.
        TokensRefreshed = "session.tokens_refreshed" v 1 {
            generation: u32,
            at: Moment,
            expires_at: Moment,
        },
        /// A refresh token came that had been changed long ago: somebody has a copy.
        RefreshTokenReuseDetected = "session.refresh_token_reuse_detected" v 1 {
            user: UserId,
            generation: u32,
        },
        SessionRevoked = "session.revoked" v 1 { user: UserId, reason: EndReason },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    #[error("the session is open already")]
    AlreadyOpen,
    #[error("there is no such session")]
    Absent,
    #[error("the session has ended")]
    Ended,
    #[error("the refresh token is of a session that has ended")]
    RefreshRevoked,
    #[error("the session has not been used for too long, or has lasted long enough")]
    RefreshExpired,
    #[error("the refresh token was never given out")]
    Unknown,
}

impl Refusal for SessionError {
    fn kind(&self) -> Kind {
        match self {
            Self::AlreadyOpen => Kind::Taken,
            Self::Absent => Kind::Absent,
            Self::Ended | Self::RefreshRevoked | Self::RefreshExpired | Self::Unknown => {
                Kind::Unauthenticated
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyOpen => "CONFLICT",
            Self::Absent => "SESSION_NOT_FOUND",
            Self::Ended => "SESSION_EXPIRED",
            Self::RefreshRevoked => "REFRESH_TOKEN_REVOKED",
            Self::RefreshExpired => "REFRESH_TOKEN_EXPIRED",
            Self::Unknown => "TOKEN_INVALID",
        }
    }
}

impl Session {
    fn fold(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::SessionOpened { user, device, remember_me, expires_at, .. } => {
                *self = Self::Open(Open::new(user, device, remember_me, expires_at));
            }
            SessionEvent::TokensRefreshed { generation, at, expires_at } => {
                if let Self::Open(open) = self {
                    open.generation = generation;
                    open.rotated_at = Some(at);
                    open.idle_until = expires_at;
                }
            }
            SessionEvent::RefreshTokenReuseDetected { .. } => {}
            SessionEvent::SessionRevoked { user, .. } => *self = Self::Ended { user },
        }
    }

    /// Refuses tokens for a session that is over.
    pub fn must_be_open(&self, now: Moment) -> Result<(), SessionError> {
        self.open_at(now).map(|_| ())
    }

    /// The session, unless it is over.
    pub fn open_at(&self, now: Moment) -> Result<&Open, SessionError> {
        match self {
            Self::Open(open) if !open.is_over(now) => Ok(open),
            Self::Open(_) | Self::Ended { .. } | Self::Unopened => Err(SessionError::Ended),
        }
    }

    /// Whose it is or was.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Unopened => None,
            Self::Open(open) => Some(open.user),
            Self::Ended { user } => Some(*user),
        }
    }
}

aggregate!(Session, "session", SessionEvent, SessionError, snapshot 3);

#[cfg(test)]
pub(crate) mod samples {
    //! A session to tell stories about.

    use super::*;
    use crate::personal::Purpose;

    pub const MOIRA: UserId = UserId::new(7_204_001);

    /// Opened at 0.
    pub fn opened(remember_me: bool) -> SessionEvent {
        let life = if remember_me { SESSION_REMEMBERED_LIFE } else { SESSION_IDLE_LIFE };
        SessionEvent::SessionOpened {
            user: MOIRA,
            device: Some(DeviceId::new(7_204_005)),
            address: Some(Personal::new(MOIRA, Purpose::Security, "203.0.113.7".into())),
            user_agent: None,
            remember_me,
            expires_at: Moment::from_unix_ms(0).plus(life),
        }
    }

    pub fn refreshed(generation: u32, at_s: i64) -> SessionEvent {
        let at = Moment::from_unix_ms(at_s * 1_000);
        SessionEvent::TokensRefreshed { generation, at, expires_at: at.plus(SESSION_IDLE_LIFE) }
    }

    pub fn reused(generation: u32) -> SessionEvent {
        SessionEvent::RefreshTokenReuseDetected { user: MOIRA, generation }
    }

    pub fn revoked(reason: EndReason) -> SessionEvent {
        SessionEvent::SessionRevoked { user: MOIRA, reason }
    }
}
