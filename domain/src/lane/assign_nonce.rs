//! Giving the next nonce to a mint. Two workers that try at once collide on the stream's version.

use super::{Lane, LaneError, LaneEvent, MAX_OPEN_SLOTS};
use crate::command::Command;
use crate::id::{TenantId, WhiskeyId};
use crate::permission::Permission;

pub struct AssignNonce {
    pub tenant: TenantId,
    pub mint: WhiskeyId,
}

impl Command<Lane> for AssignNonce {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let Lane::Open { next_nonce, slots, gate } = lane else {
            return Err(LaneError::Unopened);
        };
        gate.must_be_open()?;
        if slots.values().any(|slot| slot.mint == self.mint) {
            return Err(LaneError::MintHasSlot);
        }
        if slots.len() >= MAX_OPEN_SLOTS {
            return Err(LaneError::Full);
        }
        Ok(vec![LaneEvent::NonceAssigned {
            nonce: *next_nonce,
            tenant: self.tenant,
            mint: self.mint,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn assign(nonce: u64) -> AssignNonce {
        AssignNonce { tenant: TenantId::PLATFORM, mint: mint(nonce) }
    }

    #[test]
    fn nonces_are_consecutive_from_the_base() {
        given::<Lane>(vec![opened()]).when(assign(3)).then_expect_events(vec![assigned(3)]);
        given::<Lane>(vec![opened(), assigned(3)])
            .when(assign(4))
            .then_expect_events(vec![assigned(4)]);
    }

    #[test]
    fn a_mint_has_one_slot_and_a_lane_is_bounded() {
        given::<Lane>(vec![opened(), assigned(3)])
            .when(assign(3))
            .then_expect_error(LaneError::MintHasSlot);
        let full = std::iter::once(opened()).chain((3..1_027).map(assigned)).collect();
        given::<Lane>(full).when(assign(1_027)).then_expect_error(LaneError::Full);
        given::<Lane>(vec![]).when(assign(3)).then_expect_error(LaneError::Unopened);
        given::<Lane>(vec![opened(), paused()])
            .when(assign(3))
            .then_expect_error(LaneError::Closed("paused"));
    }
}
