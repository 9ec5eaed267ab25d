//! Ledger: the keys that the log's heads are signed with, and what became of the log, in the log itself.
//! There is one, the platform's own.

mod restore;

use restore::Restored;
pub use restore::{RecordRestore, SignedHead};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::{Command, Decision, aggregate};
use crate::event::events;
use crate::id::UserId;
use crate::permission::Permission;
use crate::refusal::{Kind, Refusal};
use crate::replay::Lawful;

/// The id of the one stream.
pub const ID: &str = "1";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// As verifier keys, the one that signs today last.
    keys: Vec<String>,
    /// The last restore.
    restored: Option<Restored>,
    /// Names the log had until events that were signed under them were lost.
    ended: Vec<String>,
}

events! {
    pub enum LedgerEvent {
        /// From here on heads are signed with this key: `<name>+<id>+<base64>`, as C2SP has it.
        KeyAnnounced = "ledger.key_announced" v 1 {
            key: String,
        },
        /// The database was restored from a backup, and its writing goes on here.
        LogRestored = "ledger.restored" v 1 {
            /// PostgreSQL's, which each restore begins anew.
            timeline: u32,
            /// The first position at which other events may have stood once.
            from: u64,
            /// The last head that is known to have been signed under a name that ends here; none if the
            /// log keeps its name.
            signed: Option<SignedHead>,
            /// The last position of the lost events that was published; none if none was.
            published: Option<u64>,
        },
    }
}

/// Nothing about what happened to the log can be refused.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum LedgerError {}

impl Refusal for LedgerError {
    fn kind(&self) -> Kind {
        match *self {}
    }

    fn code(&self) -> &'static str {
        match *self {}
    }
}

impl Ledger {
    fn fold(&mut self, event: LedgerEvent) {
        match event {
            LedgerEvent::KeyAnnounced { key } => {
                self.keys.retain(|former| *former != key);
                self.keys.push(key);
            }
            LedgerEvent::LogRestored { timeline, signed, published, .. } => {
                self.ended.extend(signed.as_ref().map(|head| head.origin.clone()));
                self.restored = Some(Restored { timeline, signed, published });
            }
        }
    }

    /// Whether the log had this name until a restore, and may have it no more.
    pub fn has_ended(&self, origin: &str) -> bool {
        self.ended.iter().any(|ended| ended == origin)
    }

    /// Whether a restore with this timeline was told of.
    pub fn is_told_of(&self, timeline: u32) -> bool {
        self.restored.as_ref().is_some_and(|last| last.timeline == timeline)
    }

    /// Every key that ever signed, the one of today first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().rev().map(String::as_str)
    }
}

pub struct AnnounceKey {
    pub key: String,
}

impl Command<Ledger> for AnnounceKey {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, ledger: &Ledger) -> Result<Vec<LedgerEvent>, LedgerError> {
        if ledger.keys().next() == Some(&self.key) {
            return Ok(vec![]);
        }
        Ok(vec![LedgerEvent::KeyAnnounced { key: self.key.clone() }])
    }
}

aggregate!(Ledger, "ledger", LedgerEvent, LedgerError, snapshot 2);

impl Lawful for Ledger {
    fn causes(&self, event: &LedgerEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            LedgerEvent::KeyAnnounced { key } => Decision::of(AnnounceKey { key }),
            LedgerEvent::LogRestored { timeline, from, signed, published } => {
                Decision::of(RecordRestore { timeline, from, signed, published })
            }
        }]
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub fn announced(key: &str) -> LedgerEvent {
        LedgerEvent::KeyAnnounced { key: key.into() }
    }

    pub fn signed(size: u64) -> SignedHead {
        SignedHead { origin: "log.example/1".into(), size, root: "5a".repeat(32) }
    }

    pub fn restored(timeline: u32) -> LedgerEvent {
        let (signed, published) = (Some(signed(50)), Some(48));
        LedgerEvent::LogRestored { timeline, from: 40, signed, published }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_key_is_announced_when_it_is_not_the_one_of_today() {
        let announce = |key: &str| AnnounceKey { key: key.into() };
        given::<Ledger>(vec![]).when(announce("a")).then_expect_events(vec![announced("a")]);
        given::<Ledger>(vec![announced("a")]).when(announce("a")).then_expect_events(vec![]);
        let both = vec![announced("a"), announced("b")];
        given::<Ledger>(both.clone()).when(announce("b")).then_expect_events(vec![]);
        given::<Ledger>(both.clone()).when(announce("a")).then_expect_events(vec![announced("a")]);
        let mut ledger = Ledger::default();
        both.into_iter().chain([announced("a")]).for_each(|event| ledger.fold(event));
        assert_eq!(ledger.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
}
