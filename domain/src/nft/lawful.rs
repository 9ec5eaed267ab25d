//! Which commands may have brought a token's events about.

use super::{
    AbandonMint, AdoptMint, AssignMint, ConfirmMint, FailMint, HoldBack, HoldMint, HoldReason,
    LetGo, LoseMintSlot, Nft, NftEvent, PinMetadata, RecordInclusion, RecordOwnership, RecordReorg,
    RecordSubmission, RecordTitle, RecordTransfer, ReleaseMint, RequestMint,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::nft::address::EvmAddress;
use crate::replay::Lawful;

impl Lawful for Nft {
    fn causes(&self, event: &NftEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            NftEvent::MintRequested { whiskey, owner, order } => {
                Decision::of(RequestMint { whiskey, owner, order })
            }
            NftEvent::MetadataPinned { cid, digest, document } => {
                Decision::of(PinMetadata { cid, digest, document })
            }
            NftEvent::MintAssigned { network, signer, nonce } => {
                Decision::of(AssignMint { network, signer, nonce })
            }
            NftEvent::MintSubmitted { tx_hash } => Decision::of(RecordSubmission { tx_hash }),
            NftEvent::MintIncluded { inclusion } => Decision::of(RecordInclusion { inclusion }),
            NftEvent::MintReorged { inclusion } => Decision::of(RecordReorg { gone: inclusion }),
            NftEvent::MintConfirmed { inclusion, finalized_block, cost } => {
                Decision::of(ConfirmMint { inclusion, finalized_block, cost })
            }
            NftEvent::MintAdopted { inclusion, finalized_block, recipient, digest } => {
                Decision::of(AdoptMint { inclusion, finalized_block, recipient, digest })
            }
            NftEvent::MintFailed {
                class,
                reason,
                evidence: Some(evidence),
                finalized_block: Some(finalized_block),
            } => Decision::of(FailMint { class, reason, evidence, finalized_block }),
            NftEvent::MintFailed { .. } => Decision::of(AbandonMint),
            NftEvent::MintSlotLost { nonce, reverted, finalized_block } => {
                Decision::of(LoseMintSlot { nonce, reverted, finalized_block })
            }
            NftEvent::MintHeld { reason: HoldReason::Operator, detail } => {
                Decision::of(HoldMint { detail })
            }
            NftEvent::MintHeld { reason, detail } => Decision::of(HoldBack { reason, detail }),
            NftEvent::MintReleased {} => {
                return vec![Decision::of(LetGo), Decision::of(ReleaseMint)];
            }
            NftEvent::TokenTransferred { from, to, at } => {
                Decision::of(RecordTransfer { from, to, at })
            }
            NftEvent::TokenBurned { from, at } => {
                Decision::of(RecordTransfer { from, to: EvmAddress::ZERO, at })
            }
            NftEvent::OwnershipVerified {
                user,
                address,
                message_hash,
                block_number,
                block_hash,
            } => {
                let record =
                    RecordOwnership { user, address, message_hash, block_number, block_hash };
                Decision::of(record)
            }
            NftEvent::TitleSettled { owner } => Decision::of(RecordTitle { owner }),
        }]
    }
}
