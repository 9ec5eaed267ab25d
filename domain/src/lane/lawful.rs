//! Which commands may have brought a lane's events about.

use super::{
    AssignNonce, Lane, LaneEvent, LoseSlot, OpenLane, PauseLane, RequestCancel, ResumeLane,
    SettleSlot, SignAttempt,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for Lane {
    fn causes(&self, event: &LaneEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            LaneEvent::LaneOpened { network, chain_id, signer, base_nonce } => {
                Decision::of(OpenLane { network, chain_id, signer, base_nonce })
            }
            LaneEvent::NonceAssigned { tenant, errand, .. } => {
                Decision::of(AssignNonce { tenant, errand })
            }
            LaneEvent::AttemptSigned { nonce, attempt } => {
                Decision::of(SignAttempt { nonce, attempt })
            }
            LaneEvent::SlotSettled { nonce, winner, block_number, block_hash } => {
                Decision::of(SettleSlot { nonce, winner, block_number, block_hash })
            }
            LaneEvent::SlotLost { nonce, evidence } => Decision::of(LoseSlot { nonce, evidence }),
            LaneEvent::CancelRequested { nonce, mint } => {
                Decision::of(RequestCancel { nonce, mint })
            }
            LaneEvent::LanePaused { reason } => Decision::of(PauseLane { reason }),
            // Follows from a lost slot, and is judged with it.
            LaneEvent::LaneQuarantined { .. } => return vec![],
            LaneEvent::LaneResumed { next_nonce } => {
                Decision::of(ResumeLane { chain_nonce: next_nonce })
            }
        }]
    }
}
