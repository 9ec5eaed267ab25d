//! Giving the next nonce to an errand. Two workers that try at once collide on the stream's version.

use super::{Errand, Lane, LaneError, LaneEvent, MAX_OPEN_SLOTS};
use crate::command::Command;
use crate::id::TenantId;
use crate::permission::Permission;

pub struct AssignNonce {
    pub tenant: TenantId,
    pub errand: Errand,
}

impl Command<Lane> for AssignNonce {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let Lane::Open { next_nonce, slots, gate } = lane else {
            return Err(LaneError::Unopened);
        };
        gate.must_be_open()?;
        self.errand.must_be_whole()?;
        if slots.values().any(|slot| slot.errand.overlaps(&self.errand)) {
            return Err(LaneError::HasSlot);
        }
        if slots.len() >= MAX_OPEN_SLOTS {
            return Err(LaneError::Full);
        }
        Ok(vec![LaneEvent::NonceAssigned {
            nonce: *next_nonce,
            tenant: self.tenant,
            errand: self.errand.clone(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn assign(nonce: u64) -> AssignNonce {
        AssignNonce { tenant: TenantId::PLATFORM, errand: errand([nonce]) }
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
            .then_expect_error(LaneError::HasSlot);
        let full = std::iter::once(opened()).chain((3..1_027).map(assigned)).collect();
        given::<Lane>(full).when(assign(1_027)).then_expect_error(LaneError::Full);
        given::<Lane>(vec![]).when(assign(3)).then_expect_error(LaneError::Unopened);
        given::<Lane>(vec![opened(), paused()])
            .when(assign(3))
            .then_expect_error(LaneError::Closed("paused"));
    }

    #[test]
    fn mints_share_a_nonce_and_none_of_them_has_two() {
        let together = |mints: &[u64]| AssignNonce {
            tenant: TenantId::PLATFORM,
            errand: errand(mints.to_vec()),
        };
        let given_together = LaneEvent::NonceAssigned {
            nonce: 3,
            tenant: TenantId::PLATFORM,
            errand: errand([7, 8, 9]),
        };
        given::<Lane>(vec![opened()])
            .when(together(&[7, 8, 9]))
            .then_expect_events(vec![given_together.clone()]);
        let proven = Errand::ApprovedMint { mint: mint(9), size: 1_200 };
        given::<Lane>(vec![opened(), given_together.clone()])
            .when(AssignNonce { tenant: TenantId::PLATFORM, errand: proven })
            .then_expect_error(LaneError::HasSlot);
        for (mints, error) in [
            (vec![9, 10], LaneError::HasSlot),
            (vec![], LaneError::NotOneTransaction),
            (vec![11, 11], LaneError::NotOneTransaction),
            ((20..121).collect(), LaneError::NotOneTransaction),
        ] {
            given::<Lane>(vec![opened(), given_together.clone()])
                .when(together(&mints))
                .then_expect_error(error);
        }
    }
}
