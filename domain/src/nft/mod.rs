//! Nft: the one token of a cask. Its stream has the cask's id, so one cask has one issuance over
//! all networks and contracts: an invariant no contract can see.

pub mod address;
pub mod metadata;

mod adopt;
mod assign;
mod confirm;
mod fail;
mod failed_1_to_2;
mod follow;
mod hold;
mod lawful;
mod lose_slot;
mod ownership_verified_1_to_2;
mod pin_metadata;
mod prove_ownership;
mod request;
mod settle_title;
mod slot_lost_1_to_2;
mod transfer;

pub use adopt::AdoptMint;
pub use assign::AssignMint;
pub use confirm::ConfirmMint;
pub use fail::{AbandonMint, FailMint};
pub use failed_1_to_2::FAILED_1_TO_2;
pub use follow::{RecordInclusion, RecordReorg, RecordSubmission};
pub use hold::{HoldBack, HoldMint, HoldReason, LetGo, ReleaseMint};
pub use lose_slot::LoseMintSlot;
pub use ownership_verified_1_to_2::OWNERSHIP_VERIFIED_1_TO_2;
pub use pin_metadata::PinMetadata;
pub use prove_ownership::RecordOwnership;
pub use request::{RequestMint, RetryMint};
use serde::{Deserialize, Serialize};
pub use settle_title::RecordTitle;
pub use slot_lost_1_to_2::SLOT_LOST_1_TO_2;
use thiserror::Error;
pub use transfer::{LogPlace, RecordTransfer};

use self::address::EvmAddress;
use crate::command::aggregate;
use crate::event::events;
use crate::id::{UserId, WhiskeyId};
use crate::refusal::{Kind, Refusal};

/// What rules need to know of an issuance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nft {
    #[default]
    Unrequested,
    Requested {
        order: Order,
        held: Option<HoldReason>,
    },
    Pinned {
        order: Order,
        digest: String,
        held: Option<HoldReason>,
        /// It has shared a nonce that reverted, so it gets the next one for itself.
        alone: bool,
    },
    /// A nonce is assigned; from here on the chain decides.
    Assigned {
        order: Order,
        digest: String,
        progress: Progress,
        held: Option<HoldReason>,
    },
    /// The token exists. Who holds it is read from the chain.
    Confirmed {
        order: Order,
        holder: EvmAddress,
        /// The newest transfer of it that is in the log.
        followed: Option<LogPlace>,
        /// The last key that was shown, and by whom. A buyer may be faster than the log.
        shown: Option<Shown>,
    },
    Burned {
        order: Order,
    },
    Failed {
        order: Order,
    },
}

/// Somebody has the key of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub by: UserId,
    pub address: EvmAddress,
}

/// How far an assigned mint is known to have come. Provisional until a final block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    Waiting,
    Submitted,
    Included(Inclusion),
}

/// What is to be minted, where, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The network's name in our configuration, for people.
    pub network: String,
    /// EIP-155: which chain it is, whatever the configuration calls it.
    pub chain_id: u64,
    pub contract: EvmAddress,
    /// Who will hold the token. It is about to stand on a public chain for ever, so it is not
    /// personal data that could be erased; who a person is never stands beside it.
    pub recipient: EvmAddress,
}

/// Where a transaction stands on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    pub tx_hash: String,
    pub block_number: u64,
    pub block_hash: String,
}

/// What a mint cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    pub gas_used: u64,
    /// Wei per gas, decimal.
    pub effective_gas_price: String,
}

/// Why a mint failed for good. Each is a proof, never a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The transaction reverted in a finalized block.
    RevertedAtFinality,
    /// Its nonce was spent on nothing, in a finalized block.
    CancelledAtFinality,
    /// The contract had the token already, in a finalized block, and left it out.
    SkippedAtFinality,
    /// Given up before anything was signed for it.
    NeverSent,
}

impl FailureClass {
    pub const fn word(self) -> &'static str {
        match self {
            Self::RevertedAtFinality => "reverted_at_finality",
            Self::CancelledAtFinality => "cancelled_at_finality",
            Self::SkippedAtFinality => "skipped_at_finality",
            Self::NeverSent => "never_sent",
        }
    }
}

events! {
    pub enum NftEvent {
        MintRequested = "nft.mint_requested" v 1 {
            whiskey: WhiskeyId,
            owner: UserId,
            order: Order,
        },
        /// The document itself is in the log: whoever has it can compute digest and CID.
        MetadataPinned = "nft.metadata_pinned" v 1 {
            cid: String,
            digest: String,
            document: String,
        },
        MintAssigned = "nft.mint_assigned" v 1 {
            network: String,
            signer: EvmAddress,
            nonce: u64,
        },
        MintSubmitted = "nft.mint_submitted" v 1 { tx_hash: String },
        MintIncluded = "nft.mint_included" v 1 { inclusion: Inclusion },
        MintReorged = "nft.mint_reorged" v 1 { inclusion: Inclusion },
        MintConfirmed = "nft.mint_confirmed" v 1 {
            inclusion: Inclusion,
            finalized_block: u64,
            cost: Cost,
        },
        /// The token was on the chain already, minted by a transaction that this log does not know.
        MintAdopted = "nft.mint_adopted" v 1 {
            inclusion: Inclusion,
            finalized_block: u64,
            /// Who it was minted to.
            recipient: EvmAddress,
            /// Of the document it stands for.
            digest: String,
        },
        MintFailed = "nft.mint_failed" v 2 {
            class: FailureClass,
            /// What the contract said against it, decoded.
            reason: Option<String>,
            /// None where nothing was ever signed.
            evidence: Option<Inclusion>,
            finalized_block: Option<u64>,
        },
        /// Its nonce was spent on something else: by somebody who has the signer's key, or for the sake of
        /// another mint that shared it and was given up. Or it was shared by several, and reverted. It
        /// waits for another.
        MintSlotLost = "nft.mint_slot_lost" v 2 {
            nonce: u64,
            reverted: bool,
            finalized_block: u64,
        },
        MintHeld = "nft.mint_held" v 1 { reason: HoldReason, detail: String },
        MintReleased = "nft.mint_released" v 1 {},
        TokenTransferred = "nft.transferred" v 1 {
            from: EvmAddress,
            to: EvmAddress,
            at: LogPlace,
        },
        TokenBurned = "nft.burned" v 1 { from: EvmAddress, at: LogPlace },
        /// Whoever asked has shown the key of the address that held the token in this final block.
        OwnershipVerified = "nft.ownership_verified" v 2 {
            /// Who asked; not told in the first version.
            user: Option<UserId>,
            address: EvmAddress,
            message_hash: String,
            block_number: u64,
            block_hash: String,
        },
        /// The title to the cask has followed its token: to whoever showed the holder's key.
        TitleSettled = "nft.title_settled" v 1 { owner: UserId },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum NftError {
    #[error("no mint has been requested")]
    Absent,
    #[error("{command} is not possible while the NFT is {state}")]
    IllegalState { state: &'static str, command: &'static str },
    #[error("the token on the chain stands for another document")]
    OtherDocument,
    #[error("nobody has shown the key of the token's holder")]
    HolderUnknown,
    #[error("block {block} is not final: the chain is final up to {finalized}")]
    NotFinal { block: u64, finalized: u64 },
}

impl Refusal for NftError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::IllegalState { .. }
            | Self::OtherDocument
            | Self::HolderUnknown
            | Self::NotFinal { .. } => Kind::IllegalState,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "NFT_NOT_FOUND",
            Self::IllegalState { .. }
            | Self::OtherDocument
            | Self::HolderUnknown
            | Self::NotFinal { .. } => "ILLEGAL_STATE",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::IllegalState { state, command } => Some((state, command)),
            Self::HolderUnknown => Some(("HOLDER_UNKNOWN", "settle the title")),
            Self::Absent | Self::OtherDocument | Self::NotFinal { .. } => None,
        }
    }
}

impl Nft {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unrequested => "UNREQUESTED",
            // What stands in a block is told as that, whatever was held before.
            Self::Assigned { progress: Progress::Included(_), .. } => "INCLUDED",
            Self::Requested { held: Some(_), .. }
            | Self::Pinned { held: Some(_), .. }
            | Self::Assigned { held: Some(_), .. } => "HELD",
            Self::Requested { .. } => "REQUESTED",
            Self::Pinned { .. } => "PINNED",
            Self::Assigned { progress: Progress::Waiting, .. } => "ASSIGNED",
            Self::Assigned { progress: Progress::Submitted, .. } => "SUBMITTED",
            Self::Confirmed { .. } => "CONFIRMED",
            Self::Burned { .. } => "BURNED",
            Self::Failed { .. } => "FAILED",
        }
    }

    fn fold(&mut self, event: NftEvent) {
        *self = match (event, std::mem::take(self)) {
            (NftEvent::MintRequested { order, .. }, _) => Self::Requested { order, held: None },
            (NftEvent::MetadataPinned { digest, .. }, Self::Requested { order, held }) => {
                Self::Pinned { order, digest, held, alone: false }
            }
            (NftEvent::MintAssigned { .. }, Self::Pinned { order, digest, held, .. }) => {
                Self::Assigned { order, digest, progress: Progress::Waiting, held }
            }
            (
                NftEvent::MintSlotLost { reverted, .. },
                Self::Assigned { order, digest, held, .. },
            ) => Self::Pinned { order, digest, held, alone: reverted },
            (
                NftEvent::MintSubmitted { .. } | NftEvent::MintReorged { .. },
                Self::Assigned { order, digest, held, .. },
            ) => Self::Assigned { order, digest, progress: Progress::Submitted, held },
            (NftEvent::MintIncluded { inclusion }, Self::Assigned { order, digest, held, .. }) => {
                Self::Assigned { order, digest, progress: Progress::Included(inclusion), held }
            }
            (NftEvent::MintConfirmed { .. }, Self::Assigned { order, .. }) => {
                let holder = order.recipient;
                Self::Confirmed { order, holder, followed: None, shown: None }
            }
            (NftEvent::MintAdopted { recipient, .. }, Self::Pinned { order, .. }) => {
                Self::Confirmed { order, holder: recipient, followed: None, shown: None }
            }
            (NftEvent::TokenTransferred { to, at, .. }, Self::Confirmed { order, shown, .. }) => {
                Self::Confirmed { order, holder: to, followed: Some(at), shown }
            }
            (NftEvent::TokenBurned { .. }, Self::Confirmed { order, .. }) => Self::Burned { order },
            (
                NftEvent::MintFailed { .. },
                Self::Requested { order, .. }
                | Self::Pinned { order, .. }
                | Self::Assigned { order, .. },
            ) => Self::Failed { order },
            (NftEvent::MintHeld { reason, .. }, nft) => nft.with_hold(Some(reason)),
            (NftEvent::MintReleased {}, nft) => nft.with_hold(None),
            // Who holds the token is what transfers say; a proof tells who that is.
            (
                NftEvent::OwnershipVerified { user: Some(by), address, .. },
                Self::Confirmed { order, holder, followed, .. },
            ) => Self::Confirmed { order, holder, followed, shown: Some(Shown { by, address }) },
            (NftEvent::OwnershipVerified { .. } | NftEvent::TitleSettled { .. }, nft) => nft,
            // The rules never write these in another state.
            (
                NftEvent::MetadataPinned { .. }
                | NftEvent::MintAssigned { .. }
                | NftEvent::MintSlotLost { .. }
                | NftEvent::MintSubmitted { .. }
                | NftEvent::MintIncluded { .. }
                | NftEvent::MintReorged { .. }
                | NftEvent::MintConfirmed { .. }
                | NftEvent::MintAdopted { .. }
                | NftEvent::TokenTransferred { .. }
                | NftEvent::TokenBurned { .. }
                | NftEvent::MintFailed { .. },
                unchanged,
            ) => unchanged,
        };
    }

    fn with_hold(mut self, reason: Option<HoldReason>) -> Self {
        if let Self::Requested { held, .. }
        | Self::Pinned { held, .. }
        | Self::Assigned { held, .. } = &mut self
        {
            *held = reason;
        }
        self
    }

    fn illegal(&self, command: &'static str) -> NftError {
        match self {
            Self::Unrequested => NftError::Absent,
            _ => NftError::IllegalState { state: self.name(), command },
        }
    }

    /// What was asked for, if anything was.
    pub const fn order(&self) -> Option<&Order> {
        match self {
            Self::Unrequested => None,
            Self::Requested { order, .. }
            | Self::Pinned { order, .. }
            | Self::Assigned { order, .. }
            | Self::Confirmed { order, .. }
            | Self::Burned { order }
            | Self::Failed { order } => Some(order),
        }
    }

    /// Why it does not go on, while it does not.
    pub const fn held(&self) -> Option<HoldReason> {
        match self {
            Self::Requested { held, .. }
            | Self::Pinned { held, .. }
            | Self::Assigned { held, .. } => *held,
            _ => None,
        }
    }

    /// Whether its next nonce is for itself.
    pub const fn goes_alone(&self) -> bool {
        matches!(self, Self::Pinned { alone: true, .. })
    }

    /// Where the mint is known to stand on the chain, while that is not final.
    pub const fn inclusion(&self) -> Option<&Inclusion> {
        match self {
            Self::Assigned { progress: Progress::Included(inclusion), .. } => Some(inclusion),
            _ => None,
        }
    }

    fn progress(&self, command: &'static str) -> Result<&Progress, NftError> {
        match self {
            Self::Assigned { progress, .. } => Ok(progress),
            _ => Err(self.illegal(command)),
        }
    }
}

aggregate!(Nft, "nft", NftEvent, NftError, snapshot 3);

#[cfg(test)]
pub(crate) mod samples {
    //! A mint to tell stories about.

    use super::*;

    pub const CASK: WhiskeyId = WhiskeyId::new(7_300_003);
    pub const BUYER: UserId = UserId::new(7_204_008);

    pub fn order() -> Order {
        Order {
            network: "development".into(),
            chain_id: 31_337,
            contract: EvmAddress::parse("0x5fbdb2315678afecb367f032d93f642f64180aa3").unwrap(),
            recipient: EvmAddress::parse("0x70997970c51812dc3a010c7d01b50e0d17dc79c8").unwrap(),
        }
    }

    pub fn requested() -> NftEvent {
        NftEvent::MintRequested { whiskey: CASK, owner: UserId::new(7_204_001), order: order() }
    }

    pub fn pinned() -> NftEvent {
        NftEvent::MetadataPinned {
            cid: "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy".into(),
            digest: "ab".repeat(32),
            document: "{}".into(),
        }
    }

    pub fn assigned() -> NftEvent {
        NftEvent::MintAssigned {
            network: "development".into(),
            signer: EvmAddress::parse("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266").unwrap(),
            nonce: 3,
        }
    }

    pub fn submitted() -> NftEvent {
        NftEvent::MintSubmitted { tx_hash: inclusion().tx_hash }
    }

    pub fn inclusion() -> Inclusion {
        Inclusion { tx_hash: "0xaa".into(), block_number: 9, block_hash: "0xb9".into() }
    }

    pub fn included() -> NftEvent {
        NftEvent::MintIncluded { inclusion: inclusion() }
    }

    pub fn cost() -> Cost {
        Cost { gas_used: 72_114, effective_gas_price: "1000000007".into() }
    }

    pub fn confirmed() -> NftEvent {
        NftEvent::MintConfirmed { inclusion: inclusion(), finalized_block: 9, cost: cost() }
    }

    pub fn adopted() -> NftEvent {
        NftEvent::MintAdopted {
            inclusion: inclusion(),
            finalized_block: 9,
            recipient: holder(),
            digest: "ab".repeat(32),
        }
    }

    pub fn failed() -> NftEvent {
        NftEvent::MintFailed {
            class: FailureClass::RevertedAtFinality,
            reason: Some("EnforcedPause()".into()),
            evidence: Some(inclusion()),
            finalized_block: Some(9),
        }
    }

    pub fn held() -> NftEvent {
        NftEvent::MintHeld { reason: HoldReason::FeeCap, detail: "500 gwei are asked".into() }
    }

    pub fn slot_lost() -> NftEvent {
        NftEvent::MintSlotLost { nonce: 3, reverted: false, finalized_block: 9 }
    }

    pub fn holder() -> EvmAddress {
        order().recipient
    }

    pub fn log_place() -> LogPlace {
        LogPlace {
            tx_hash: "0xcc".into(),
            block_number: 12,
            block_hash: "0xbc".into(),
            log_index: 4,
        }
    }

    pub fn transferred() -> NftEvent {
        let to = EvmAddress::parse("0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc").unwrap();
        NftEvent::TokenTransferred { from: holder(), to, at: log_place() }
    }

    pub const fn title_settled() -> NftEvent {
        NftEvent::TitleSettled { owner: BUYER }
    }

    pub fn ownership_verified() -> NftEvent {
        NftEvent::OwnershipVerified {
            user: Some(BUYER),
            address: holder(),
            message_hash: format!("0x{}", "5c".repeat(32)),
            block_number: 9,
            block_hash: "0xb9".into(),
        }
    }

    /// The events of a mint up to and including the named one.
    pub fn until(last: &NftEvent) -> Vec<NftEvent> {
        let all = [requested(), pinned(), assigned(), submitted(), included(), confirmed()];
        let end = all.iter().position(|event| event == last).unwrap();
        all[..=end].to_vec()
    }
}
