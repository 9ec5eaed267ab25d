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
        if ledger.timeline == Some(self.timeline) {
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
    }
}
