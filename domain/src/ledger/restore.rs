//! That the log was restored from a backup, and what of it was lost: told by the log itself.

use serde::{Deserialize, Serialize};

use super::{Ledger, LedgerError, LedgerEvent};
use crate::command::Command;
use crate::permission::Permission;

/// A head that was signed, as of C2SP `tlog-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedHead {
    pub origin: String,
    /// How many events it covers.
    pub size: u64,
    /// Of their tree, in hex.
    pub root: String,
}

/// The last restore, as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub(super) timeline: u32,
    pub(super) signed: Option<SignedHead>,
    pub(super) published: Option<u64>,
}

/// Once for every restore, whoever finishes it and however often.
pub struct RecordRestore {
    pub timeline: u32,
    pub from: u64,
    pub signed: Option<SignedHead>,
    pub published: Option<u64>,
}

impl Command<Ledger> for RecordRestore {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, ledger: &Ledger) -> Result<Vec<LedgerEvent>, LedgerError> {
        // Asked again, once it was told, or half told and interrupted.
        let is_told = ledger.restored.as_ref().is_some_and(|last| {
            last.timeline == self.timeline
                && (self.signed.is_none() || self.signed == last.signed)
                && (self.published.is_none() || self.published == last.published)
        });
        if is_told {
            return Ok(vec![]);
        }
        let (timeline, from) = (self.timeline, self.from);
        let (signed, published) = (self.signed.clone(), self.published);
        Ok(vec![LedgerEvent::LogRestored { timeline, from, signed, published }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn record(timeline: u32) -> RecordRestore {
        let signed = Some(signed(50));
        RecordRestore { timeline, from: 40, signed, published: Some(48) }
    }

    #[test]
    fn a_restore_is_told_of_once() {
        given::<Ledger>(vec![]).when(record(2)).then_expect_events(vec![restored(2)]);
        given::<Ledger>(vec![restored(2)]).when(record(2)).then_expect_events(vec![]);
        given::<Ledger>(vec![restored(2)]).when(record(3)).then_expect_events(vec![restored(3)]);
        // What is left to find once it is over is nothing new.
        let found_later = RecordRestore { from: 60, signed: None, published: None, ..record(2) };
        given::<Ledger>(vec![restored(2)]).when(found_later).then_expect_events(vec![]);
        // Other losses are, also of a restore that began no timeline of its own.
        let other = RecordRestore { published: Some(47), ..record(2) };
        let told = LedgerEvent::LogRestored {
            timeline: 2,
            from: 40,
            signed: Some(signed(50)),
            published: Some(47),
        };
        given::<Ledger>(vec![restored(2)]).when(other).then_expect_events(vec![told]);
    }

    #[test]
    fn a_name_that_ended_is_remembered() {
        let mut ledger = Ledger::default();
        assert!(!ledger.has_ended("log.example/1"));
        ledger.fold(restored(2));
        assert!(ledger.has_ended("log.example/1"));
        assert!(!ledger.has_ended("log.example/2"));
    }
}
