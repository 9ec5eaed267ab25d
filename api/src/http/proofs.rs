//! What shows that events are in the log, beside what is said of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventstore::ledger::read::{Ledger, Which};
use poem_openapi::Object;

use super::problem::Problem;

/// A head, and how each of some events leads to it.
pub struct Proofs {
    /// None before the first.
    pub checkpoint: Option<String>,
    pub events: Vec<ProvenPosition>,
}

/// An event that an answer was made of.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct ProvenPosition {
    pub position: String,
    /// The log's entry, in base64 (`docs/ledger.md`). Null until a head covers it, some 200 ms.
    pub entry: Option<String>,
    /// From the entry to the head's root: RFC 6962, section 2.1.1, in base64.
    pub path: Option<Vec<String>>,
}

impl Proofs {
    /// Of events by their positions, which ascend.
    pub async fn of(ledger: &Ledger, positions: &[i64]) -> Result<Self, Problem> {
        let head = ledger.head(Which::Newest).await?;
        let covered = head.as_ref().map_or(0, |head| head.size);
        let indices = positions.iter().map(|position| position.cast_unsigned());
        let indices: Vec<u64> = indices.filter(|index| *index < covered).collect();
        // What no head covers yet is last.
        let mut proofs = ledger.included(&indices, covered).await?.into_iter();
        let events = positions.iter().map(|position| {
            let (entry, path) = proofs.next().unzip();
            let written = |path: Vec<[u8; 32]>| path.iter().map(|it| STANDARD.encode(it)).collect();
            ProvenPosition {
                position: position.to_string(),
                entry: entry.map(|entry| STANDARD.encode(entry)),
                path: path.map(written),
            }
        });
        Ok(Self { checkpoint: head.map(|head| head.note.to_string()), events: events.collect() })
    }
}
