//! Losing a slot: somebody else has spent its nonce with the same key. The lane is shut with it,
//! because the key is shared or stolen.

use serde::{Deserialize, Serialize};

use super::{Gate, Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::permission::Permission;

/// What proves it: the transaction itself, in a final block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignUse {
    pub tx_hash: String,
    pub block_number: u64,
    pub block_hash: String,
    pub finalized_block: u64,
}

pub struct LoseSlot {
    pub nonce: u64,
    pub evidence: ForeignUse,
}

impl Command<Lane> for LoseSlot {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let Self { nonce, evidence } = self;
        let ours = &lane.slot(*nonce)?.attempts;
        if ours.iter().any(|attempt| attempt.tx_hash == evidence.tx_hash) {
            return Err(LaneError::NotForeign);
        }
        if evidence.block_number > evidence.finalized_block {
            return Err(LaneError::NotFinal);
        }
        let lost = LaneEvent::SlotLost { nonce: *nonce, evidence: evidence.clone() };
        if lane.gate() == Gate::Quarantined {
            return Ok(vec![lost]);
        }
        let reason = format!("nonce {nonce} was spent by somebody else");
        Ok(vec![lost, LaneEvent::LaneQuarantined { reason }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_nonce_spent_by_others_shuts_the_lane() {
        let lose = |nonce| LoseSlot { nonce, evidence: foreign_use() };
        let before = vec![opened(), assigned(3), assigned(4), signed(3, 0xaa)];
        given::<Lane>(before.clone())
            .when(lose(3))
            .then_expect_events(vec![lost(3), quarantined()]);
        given::<Lane>(before.clone())
            .when(LoseSlot {
                nonce: 3,
                evidence: ForeignUse { tx_hash: attempt(0xaa).tx_hash, ..foreign_use() },
            })
            .then_expect_error(LaneError::NotForeign);
        given::<Lane>(before.clone())
            .when(LoseSlot {
                nonce: 3,
                evidence: ForeignUse { finalized_block: 8, ..foreign_use() },
            })
            .then_expect_error(LaneError::NotFinal);
        given::<Lane>([before, vec![lost(3), quarantined()]].concat())
            .when(lose(3))
            .then_expect_error(LaneError::NoSuchSlot);
    }
}
