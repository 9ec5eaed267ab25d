//! Giving a nonce up: it is spent on nothing, unless what was signed for it is faster. Whoever shared
//! it without being given up waits for another then.

use super::{Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::id::WhiskeyId;
use crate::permission::Permission;

pub struct RequestCancel {
    pub nonce: u64,
    /// The mint that is given up; all there is to the nonce if none is named.
    pub mint: Option<WhiskeyId>,
}

impl Command<Lane> for RequestCancel {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let slot = lane.slot(self.nonce)?;
        let mints = slot.errand.mints();
        if self.mint.is_some_and(|mint| !mints.contains(&mint)) {
            return Err(LaneError::NoSuchSlot);
        }
        let given_up = |mint: &WhiskeyId| slot.given_up.contains(mint);
        let done = match &self.mint {
            Some(mint) => given_up(mint),
            None => slot.cancelling() && mints.iter().all(given_up),
        };
        if done {
            return Ok(vec![]);
        }
        Ok(vec![LaneEvent::CancelRequested { nonce: self.nonce, mint: self.mint }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;
    use crate::id::TenantId;

    fn asked(mint: Option<WhiskeyId>) -> LaneEvent {
        LaneEvent::CancelRequested { nonce: 3, mint }
    }

    fn give_up(mint: Option<WhiskeyId>) -> RequestCancel {
        RequestCancel { nonce: 3, mint }
    }

    #[test]
    fn an_open_slot_is_given_up_once() {
        let before = vec![opened(), assigned(3), signed(3, 0xaa)];
        for mint in [None, Some(mint(3))] {
            given::<Lane>(before.clone()).when(give_up(mint)).then_expect_events(vec![asked(mint)]);
            given::<Lane>([before.clone(), vec![asked(mint)]].concat())
                .when(give_up(mint))
                .then_expect_events(vec![]);
        }
        given::<Lane>(vec![opened()]).when(give_up(None)).then_expect_error(LaneError::NoSuchSlot);
        given::<Lane>(before).when(give_up(Some(mint(4)))).then_expect_error(LaneError::NoSuchSlot);
    }

    #[test]
    fn of_those_that_share_a_nonce_each_is_given_up_by_itself() {
        let assigned = LaneEvent::NonceAssigned {
            nonce: 3,
            tenant: TenantId::PLATFORM,
            errand: errand([7, 8]),
        };
        let one = vec![opened(), assigned, asked(Some(mint(7)))];
        given::<Lane>(one.clone()).when(give_up(Some(mint(7)))).then_expect_events(vec![]);
        for other in [None, Some(mint(8))] {
            given::<Lane>(one.clone()).when(give_up(other)).then_expect_events(vec![asked(other)]);
        }
        let all = [one, vec![asked(None)]].concat();
        given::<Lane>(all).when(give_up(Some(mint(8)))).then_expect_events(vec![]);
    }
}
