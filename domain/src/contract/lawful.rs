//! Which commands may have brought a contract's events about.

use super::{
    AssignAnchor, ConfirmAnchor, Contract, ContractEvent, FailAnchor, LoseAnchorSlot,
    RecordDeployed, RecordFollowed,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for Contract {
    fn causes(&self, event: &ContractEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            ContractEvent::ContractDeployed { deployment, plan, inclusion } => {
                Decision::of(RecordDeployed { deployment, plan, inclusion })
            }
            ContractEvent::ContractFollowed { network, block, block_hash } => {
                Decision::of(RecordFollowed { network, block, block_hash })
            }
            ContractEvent::AnchorAssigned { anchor, signer, nonce } => {
                Decision::of(AssignAnchor { anchor, signer, nonce })
            }
            ContractEvent::AnchorSlotLost { nonce, finalized_block } => {
                Decision::of(LoseAnchorSlot { nonce, finalized_block })
            }
            ContractEvent::AnchorConfirmed { inclusion, finalized_block, cost, .. } => {
                Decision::of(ConfirmAnchor { inclusion, finalized_block, cost })
            }
            ContractEvent::AnchorFailed { class, evidence, finalized_block } => {
                Decision::of(FailAnchor { class, evidence, finalized_block })
            }
        }]
    }
}
