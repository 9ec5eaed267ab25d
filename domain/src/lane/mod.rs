//! Lane: the nonces of one signer on one network. A nonce belongs to one errand for ever, and the
//! bytes that spend it are here before anybody else sees them.

mod assign_nonce;
mod attempt_signed_1_to_2;
mod cancel;
mod cancel_requested_1_to_2;
mod errand;
mod gate;
mod lawful;
mod lose_slot;
mod nonce_assigned_1_to_2;
mod open;
mod settle_slot;
mod sign_attempt;

use std::collections::{BTreeMap, BTreeSet};

pub use assign_nonce::AssignNonce;
pub use attempt_signed_1_to_2::ATTEMPT_SIGNED_1_TO_2;
pub use cancel::RequestCancel;
pub use cancel_requested_1_to_2::CANCEL_REQUESTED_1_TO_2;
pub use errand::{Errand, MAX_MINTS};
pub use gate::{Gate, PauseLane, ResumeLane};
pub use lose_slot::{ForeignUse, LoseSlot};
pub use nonce_assigned_1_to_2::NONCE_ASSIGNED_1_TO_2;
pub use open::OpenLane;
use serde::{Deserialize, Serialize};
pub use settle_slot::SettleSlot;
pub use sign_attempt::SignAttempt;
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::id::{TenantId, WhiskeyId};
use crate::refusal::{Kind, Refusal};

/// How many slots may wait for a final block. How many of them are in the network's pool at a time
/// is the worker's business, since only the chain knows which are in blocks already.
pub const MAX_OPEN_SLOTS: usize = 1_024;

/// What rules need to know of a lane: the next free nonce and the slots not yet settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lane {
    #[default]
    Unopened,
    Open {
        next_nonce: u64,
        slots: BTreeMap<u64, Slot>,
        gate: Gate,
    },
}

/// A nonce with its errand and everything ever signed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Whose errand it is: lanes serve all tenants.
    pub tenant: TenantId,
    pub errand: Errand,
    pub attempts: Vec<Attempt>,
    /// Nothing but cancels is signed any more. What was signed before may still win.
    cancelling: bool,
    /// The mints for whose sake the nonce is given up.
    pub given_up: BTreeSet<WhiskeyId>,
}

impl Slot {
    const fn new(tenant: TenantId, errand: Errand) -> Self {
        let given_up = BTreeSet::new();
        Self { tenant, errand, attempts: Vec::new(), cancelling: false, given_up }
    }

    /// Whether the nonce is given up.
    pub const fn cancelling(&self) -> bool {
        self.cancelling
    }

    /// What is signed for it now.
    pub const fn wanted(&self) -> AttemptKind {
        if self.cancelling { AttemptKind::Cancel } else { self.errand.attempt() }
    }

    fn give_up(&mut self, mint: Option<WhiskeyId>) {
        self.cancelling = true;
        match mint {
            Some(mint) => self.given_up.extend([mint]),
            None => self.given_up.extend(self.errand.mints().iter().copied()),
        }
    }
}

/// What signed bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    Mint,
    /// Makes a contract.
    Deployment,
    /// Keeps a head of the ledger at a contract.
    Anchor,
    /// Spends the nonce on nothing.
    Cancel,
}

/// Signed bytes. Attempts of a kind differ in nothing but their fees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub kind: AttemptKind,
    pub tx_hash: String,
    /// The signed transaction, 0x-hex, as it goes over the wire.
    pub raw: String,
    /// Wei per gas, decimal.
    pub max_fee_per_gas: String,
    pub max_priority_fee_per_gas: String,
    pub gas_limit: u64,
}

events! {
    pub enum LaneEvent {
        LaneOpened = "lane.opened" v 1 {
            network: String,
            chain_id: u64,
            signer: String,
            base_nonce: u64,
        },
        NonceAssigned = "lane.nonce_assigned" v 2 {
            nonce: u64,
            tenant: TenantId,
            errand: Errand,
        },
        AttemptSigned = "lane.attempt_signed" v 2 { nonce: u64, attempt: Attempt },
        SlotSettled = "lane.slot_settled" v 1 {
            nonce: u64,
            winner: String,
            block_number: u64,
            block_hash: String,
        },
        /// The nonce was spent by a transaction that was never signed here.
        SlotLost = "lane.slot_lost" v 1 { nonce: u64, evidence: ForeignUse },
        /// For the sake of one mint, or of all there is to the nonce.
        CancelRequested = "lane.cancel_requested" v 2 { nonce: u64, mint: Option<WhiskeyId> },
        LanePaused = "lane.paused" v 1 { reason: String },
        LaneQuarantined = "lane.quarantined" v 1 { reason: String },
        LaneResumed = "lane.resumed" v 1 { next_nonce: u64 },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum LaneError {
    #[error("the lane is not open")]
    Unopened,
    #[error("the lane is open already")]
    AlreadyOpen,
    #[error("the lane has {MAX_OPEN_SLOTS} open slots")]
    Full,
    #[error("it has an open slot already, or a part of it has")]
    HasSlot,
    #[error("one transaction takes 1 to {MAX_MINTS} mints, each of them once")]
    NotOneTransaction,
    #[error("there is no open slot with this nonce")]
    NoSuchSlot,
    #[error("the slot was settled by a transaction it never signed")]
    ForeignWinner,
    #[error("the lane is {0} and assigns nothing")]
    Closed(&'static str),
    #[error("an attempt of this kind is not signed for the slot any more")]
    WrongKind,
    #[error("what spent the nonce was signed here")]
    NotForeign,
    #[error("what spent the nonce is not final")]
    NotFinal,
}

impl Refusal for LaneError {
    fn kind(&self) -> Kind {
        match self {
            Self::AlreadyOpen => Kind::Taken,
            Self::Unopened
            | Self::Full
            | Self::HasSlot
            | Self::NotOneTransaction
            | Self::NoSuchSlot
            | Self::ForeignWinner
            | Self::Closed(_)
            | Self::WrongKind
            | Self::NotForeign
            | Self::NotFinal => Kind::IllegalState,
        }
    }

    fn code(&self) -> &'static str {
        "ILLEGAL_STATE"
    }
}

impl Lane {
    fn fold(&mut self, event: LaneEvent) {
        if let LaneEvent::LaneOpened { base_nonce, .. } = event {
            let slots = BTreeMap::new();
            *self = Self::Open { next_nonce: base_nonce, slots, gate: Gate::Open };
            return;
        }
        // Nothing else happens to a lane before it is opened.
        let Self::Open { next_nonce, slots, gate } = self else { return };
        match event {
            LaneEvent::LaneOpened { .. } => {}
            LaneEvent::NonceAssigned { nonce, tenant, errand } => {
                *next_nonce = nonce + 1;
                slots.insert(nonce, Slot::new(tenant, errand));
            }
            LaneEvent::AttemptSigned { nonce, attempt } => {
                if let Some(slot) = slots.get_mut(&nonce) {
                    slot.attempts.push(attempt);
                }
            }
            LaneEvent::CancelRequested { nonce, mint } => {
                if let Some(slot) = slots.get_mut(&nonce) {
                    slot.give_up(mint);
                }
            }
            LaneEvent::SlotSettled { nonce, .. } | LaneEvent::SlotLost { nonce, .. } => {
                slots.remove(&nonce);
            }
            LaneEvent::LanePaused { .. } => *gate = Gate::Paused,
            LaneEvent::LaneQuarantined { .. } => *gate = Gate::Quarantined,
            LaneEvent::LaneResumed { next_nonce: next } => {
                (*next_nonce, *gate) = (next, Gate::Open);
            }
        }
    }

    /// The slots that still wait for a final block, lowest nonce first.
    pub fn open_slots(&self) -> impl Iterator<Item = (u64, &Slot)> {
        let slots = match self {
            Self::Open { slots, .. } => Some(slots),
            Self::Unopened => None,
        };
        slots.into_iter().flatten().map(|(nonce, slot)| (*nonce, slot))
    }

    /// The open slot of a mint.
    pub fn slot_of(&self, mint: WhiskeyId) -> Option<(u64, &Slot)> {
        self.open_slots().find(|(_, slot)| slot.errand.mints().contains(&mint))
    }

    /// Whether new nonces are given.
    pub fn gate(&self) -> Gate {
        match self {
            Self::Open { gate, .. } => *gate,
            Self::Unopened => Gate::default(),
        }
    }

    fn slot(&self, nonce: u64) -> Result<&Slot, LaneError> {
        match self {
            Self::Open { slots, .. } => slots.get(&nonce).ok_or(LaneError::NoSuchSlot),
            Self::Unopened => Err(LaneError::Unopened),
        }
    }
}

aggregate!(Lane, "lane", LaneEvent, LaneError, snapshot 3);

#[cfg(test)]
pub(crate) mod samples {
    //! A lane to tell stories about.

    use super::*;

    pub fn opened() -> LaneEvent {
        LaneEvent::LaneOpened {
            network: "development".into(),
            chain_id: 31_337,
            signer: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266".into(),
            base_nonce: 3,
        }
    }

    pub fn assigned(nonce: u64) -> LaneEvent {
        LaneEvent::NonceAssigned { nonce, tenant: TenantId::PLATFORM, errand: errand([nonce]) }
    }

    /// These mints in one transaction.
    pub fn errand(mints: impl IntoIterator<Item = u64>) -> Errand {
        Errand::Mints { mints: mints.into_iter().map(mint).collect() }
    }

    pub fn mint(nonce: u64) -> WhiskeyId {
        WhiskeyId::new(7_300_000 + i64::try_from(nonce).unwrap())
    }

    pub fn attempt(byte: u8) -> Attempt {
        Attempt {
            kind: AttemptKind::Mint,
            tx_hash: format!("0x{}", format!("{byte:02x}").repeat(32)),
            raw: "0x02f8".into(),
            max_fee_per_gas: "2000000000".into(),
            max_priority_fee_per_gas: "1000000000".into(),
            gas_limit: 150_000,
        }
    }

    pub fn cancel(byte: u8) -> Attempt {
        Attempt { kind: AttemptKind::Cancel, ..attempt(byte) }
    }

    pub fn foreign_use() -> ForeignUse {
        ForeignUse {
            tx_hash: attempt(0xff).tx_hash,
            block_number: 9,
            block_hash: "0xb9".into(),
            finalized_block: 9,
        }
    }

    pub fn lost(nonce: u64) -> LaneEvent {
        LaneEvent::SlotLost { nonce, evidence: foreign_use() }
    }

    pub fn quarantined() -> LaneEvent {
        LaneEvent::LaneQuarantined { reason: "nonce 3 was spent by somebody else".into() }
    }

    pub fn paused() -> LaneEvent {
        LaneEvent::LanePaused { reason: "fees".into() }
    }

    pub fn signed(nonce: u64, byte: u8) -> LaneEvent {
        LaneEvent::AttemptSigned { nonce, attempt: attempt(byte) }
    }
}
