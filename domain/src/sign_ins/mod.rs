//! Sign-ins: the sessions of one person, so that "at most five" and "all of them" are exact. Its id
//! is the person's.

mod add;
mod lawful;
mod remove;

pub use add::{AddSession, SESSIONS_AT_ONCE};
pub use remove::RemoveSession;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::id::SessionId;
use crate::moment::Moment;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIns {
    /// Oldest first. Some may have run out by themselves.
    sessions: Vec<Listed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    session: SessionId,
    /// When it has ended whatever happened.
    ends_at: Moment,
}

events! {
    pub enum SignInsEvent {
        SessionAdded = "sign_ins.session_added" v 1 { session: SessionId, ends_at: Moment },
        SessionRemoved = "sign_ins.session_removed" v 1 { session: SessionId },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SignInsError {
    #[error("the session is in the list already")]
    Listed,
}

impl Refusal for SignInsError {
    fn kind(&self) -> Kind {
        Kind::Taken
    }

    fn code(&self) -> &'static str {
        "CONFLICT"
    }
}

impl SignIns {
    fn fold(&mut self, event: SignInsEvent) {
        match event {
            SignInsEvent::SessionAdded { session, ends_at } => {
                self.sessions.push(Listed { session, ends_at });
            }
            SignInsEvent::SessionRemoved { session } => {
                self.sessions.retain(|listed| listed.session != session);
            }
        }
    }

    /// All that may still be open, oldest first.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.iter().map(|listed| listed.session)
    }
}

aggregate!(SignIns, "sign_ins", SignInsEvent, SignInsError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! Sessions of one person.

    use super::*;

    pub fn added(session: i64, ends_at_ms: i64) -> SignInsEvent {
        SignInsEvent::SessionAdded {
            session: SessionId::new(session),
            ends_at: Moment::from_unix_ms(ends_at_ms),
        }
    }

    pub fn removed(session: i64) -> SignInsEvent {
        SignInsEvent::SessionRemoved { session: SessionId::new(session) }
    }
}
