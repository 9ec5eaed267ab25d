//! Giving a nonce up: it is spent on nothing, unless what was signed for it is faster.

use super::{Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct RequestCancel {
    pub nonce: u64,
}

impl Command<Lane> for RequestCancel {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        if lane.slot(self.nonce)?.cancelling {
            return Ok(vec![]);
        }
        Ok(vec![LaneEvent::CancelRequested { nonce: self.nonce }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn an_open_slot_is_given_up_once() {
        let asked = || LaneEvent::CancelRequested { nonce: 3 };
        let before = vec![opened(), assigned(3), signed(3, 0xaa)];
        given::<Lane>(before.clone())
            .when(RequestCancel { nonce: 3 })
            .then_expect_events(vec![asked()]);
        given::<Lane>([before, vec![asked()]].concat())
            .when(RequestCancel { nonce: 3 })
            .then_expect_events(vec![]);
        given::<Lane>(vec![opened()])
            .when(RequestCancel { nonce: 3 })
            .then_expect_error(LaneError::NoSuchSlot);
    }
}
