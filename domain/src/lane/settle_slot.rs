//! Settling a slot: one of its attempts stands in a finalized block.

use super::{Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct SettleSlot {
    pub nonce: u64,
    pub winner: String,
    pub block_number: u64,
    pub block_hash: String,
}

impl Command<Lane> for SettleSlot {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let slot = lane.slot(self.nonce)?;
        if !slot.attempts.iter().any(|attempt| attempt.tx_hash == self.winner) {
            return Err(LaneError::ForeignWinner);
        }
        Ok(vec![LaneEvent::SlotSettled {
            nonce: self.nonce,
            winner: self.winner.clone(),
            block_number: self.block_number,
            block_hash: self.block_hash.clone(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command(byte: u8) -> SettleSlot {
        SettleSlot {
            nonce: 3,
            winner: attempt(byte).tx_hash,
            block_number: 9,
            block_hash: "0xb9".into(),
        }
    }

    fn settled() -> LaneEvent {
        LaneEvent::SlotSettled {
            nonce: 3,
            winner: attempt(0xaa).tx_hash,
            block_number: 9,
            block_hash: "0xb9".into(),
        }
    }

    #[test]
    fn a_slot_is_settled_once_by_bytes_it_signed() {
        let before = vec![opened(), assigned(3), signed(3, 0xaa)];
        given::<Lane>(before.clone()).when(command(0xaa)).then_expect_events(vec![settled()]);
        given::<Lane>(before.clone())
            .when(command(0xbb))
            .then_expect_error(LaneError::ForeignWinner);
        given::<Lane>([before, vec![settled()]].concat())
            .when(command(0xaa))
            .then_expect_error(LaneError::NoSuchSlot);
    }
}
