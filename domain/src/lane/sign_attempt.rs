//! Writing signed bytes down, before anybody broadcasts them.

use super::{Attempt, Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct SignAttempt {
    pub nonce: u64,
    pub attempt: Attempt,
}

impl Command<Lane> for SignAttempt {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let known = lane.slot(self.nonce)?.attempts.iter();
        if known.into_iter().any(|attempt| attempt.tx_hash == self.attempt.tx_hash) {
            return Ok(vec![]);
        }
        Ok(vec![LaneEvent::AttemptSigned { nonce: self.nonce, attempt: self.attempt.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn only_an_assigned_nonce_is_signed_for_and_bytes_are_kept_once() {
        let command = |nonce| SignAttempt { nonce, attempt: attempt(0xaa) };
        given::<Lane>(vec![opened(), assigned(3)])
            .when(command(3))
            .then_expect_events(vec![signed(3, 0xaa)]);
        given::<Lane>(vec![opened(), assigned(3), signed(3, 0xaa)])
            .when(command(3))
            .then_expect_events(vec![]);
        given::<Lane>(vec![opened()]).when(command(3)).then_expect_error(LaneError::NoSuchSlot);
    }
}
