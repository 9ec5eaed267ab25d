//! Lane: the nonces of one signer on one network. A nonce belongs to one mint for ever, and the
//! bytes that spend it are here before anybody else sees them.

mod assign_nonce;
mod open;
mod settle_slot;
mod sign_attempt;

use std::collections::BTreeMap;

pub use assign_nonce::AssignNonce;
pub use open::OpenLane;
use serde::{Deserialize, Serialize};
pub use settle_slot::SettleSlot;
pub use sign_attempt::SignAttempt;
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::id::{TenantId, WhiskeyId};
use crate::refusal::{Kind, Refusal};

/// Nodes keep only so many transactions of one account in order.
pub const MAX_OPEN_SLOTS: usize = 16;

/// What rules need to know of a lane: the next free nonce and the slots not yet settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lane {
    #[default]
    Unopened,
    Open {
        next_nonce: u64,
        slots: BTreeMap<u64, Slot>,
    },
}

/// A nonce with its mint and everything ever signed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Whose mint it is: lanes serve all tenants.
    pub tenant: TenantId,
    pub mint: WhiskeyId,
    pub attempts: Vec<Attempt>,
}

/// Signed bytes. Attempts of a slot differ in nothing but their fees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
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
        NonceAssigned = "lane.nonce_assigned" v 1 { nonce: u64, tenant: TenantId, mint: WhiskeyId },
        AttemptSigned = "lane.attempt_signed" v 1 { nonce: u64, attempt: Attempt },
        SlotSettled = "lane.slot_settled" v 1 {
            nonce: u64,
            winner: String,
            block_number: u64,
            block_hash: String,
        },
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
    #[error("the mint has an open slot already")]
    MintHasSlot,
    #[error("there is no open slot with this nonce")]
    NoSuchSlot,
    #[error("the slot was settled by a transaction it never signed")]
    ForeignWinner,
}

impl Refusal for LaneError {
    fn kind(&self) -> Kind {
        match self {
            Self::AlreadyOpen => Kind::Taken,
            Self::Unopened
            | Self::Full
            | Self::MintHasSlot
            | Self::NoSuchSlot
            | Self::ForeignWinner => Kind::IllegalState,
        }
    }

    fn code(&self) -> &'static str {
        "ILLEGAL_STATE"
    }
}

impl Lane {
    fn fold(&mut self, event: LaneEvent) {
        match (event, self) {
            (LaneEvent::LaneOpened { base_nonce, .. }, lane) => {
                *lane = Self::Open { next_nonce: base_nonce, slots: BTreeMap::new() };
            }
            (
                LaneEvent::NonceAssigned { nonce, tenant, mint },
                Self::Open { next_nonce, slots },
            ) => {
                *next_nonce = nonce + 1;
                slots.insert(nonce, Slot { tenant, mint, attempts: Vec::new() });
            }
            (LaneEvent::AttemptSigned { nonce, attempt }, Self::Open { slots, .. }) => {
                if let Some(slot) = slots.get_mut(&nonce) {
                    slot.attempts.push(attempt);
                }
            }
            (LaneEvent::SlotSettled { nonce, .. }, Self::Open { slots, .. }) => {
                slots.remove(&nonce);
            }
            // Nothing happens to a lane before it is opened.
            (
                LaneEvent::NonceAssigned { .. }
                | LaneEvent::AttemptSigned { .. }
                | LaneEvent::SlotSettled { .. },
                Self::Unopened,
            ) => {}
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

    fn slot(&self, nonce: u64) -> Result<&Slot, LaneError> {
        match self {
            Self::Open { slots, .. } => slots.get(&nonce).ok_or(LaneError::NoSuchSlot),
            Self::Unopened => Err(LaneError::Unopened),
        }
    }
}

aggregate!(Lane, "lane", LaneEvent, LaneError, snapshot 1);

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
        LaneEvent::NonceAssigned { nonce, tenant: TenantId::PLATFORM, mint: mint(nonce) }
    }

    pub fn mint(nonce: u64) -> WhiskeyId {
        WhiskeyId::new(7_300_000 + i64::try_from(nonce).unwrap())
    }

    pub fn attempt(byte: u8) -> Attempt {
        Attempt {
            tx_hash: format!("0x{}", format!("{byte:02x}").repeat(32)),
            raw: "0x02f8".into(),
            max_fee_per_gas: "2000000000".into(),
            max_priority_fee_per_gas: "1000000000".into(),
            gas_limit: 150_000,
        }
    }

    pub fn signed(nonce: u64, byte: u8) -> LaneEvent {
        LaneEvent::AttemptSigned { nonce, attempt: attempt(byte) }
    }
}
