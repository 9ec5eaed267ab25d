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
        let slot = lane.slot(self.nonce)?;
        if slot.attempts.iter().any(|attempt| attempt.tx_hash == self.attempt.tx_hash) {
            return Ok(vec![]);
        }
        if self.attempt.kind != slot.wanted() {
            return Err(LaneError::WrongKind);
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

    #[test]
    fn once_a_cancel_is_asked_for_nothing_else_is_signed() {
        let sign = |attempt| SignAttempt { nonce: 3, attempt };
        let before = vec![opened(), assigned(3), signed(3, 0xaa)];
        given::<Lane>(before.clone())
            .when(sign(cancel(0xcc)))
            .then_expect_error(LaneError::WrongKind);
        let cancelling =
            [before, vec![LaneEvent::CancelRequested { nonce: 3, mint: None }]].concat();
        given::<Lane>(cancelling.clone())
            .when(sign(attempt(0xab)))
            .then_expect_error(LaneError::WrongKind);
        let signed = LaneEvent::AttemptSigned { nonce: 3, attempt: cancel(0xcc) };
        given::<Lane>(cancelling).when(sign(cancel(0xcc))).then_expect_events(vec![signed]);
    }
}
