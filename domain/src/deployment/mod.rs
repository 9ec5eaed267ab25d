//! Deployment: a contract that is to be made on a network. It spends a nonce as a mint does, and where
//! the contract will be follows from that nonce.

mod assign;
mod lawful;
mod request;
mod settle;

pub use assign::{AssignDeployment, LoseDeploymentSlot};
pub use request::RequestDeployment;
use serde::{Deserialize, Serialize};
pub use settle::{ConfirmDeployment, FailDeployment};
use thiserror::Error;

use crate::command::aggregate;
use crate::event::events;
use crate::nft::address::EvmAddress;
use crate::nft::{Cost, FailureClass, Inclusion};
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deployment {
    #[default]
    Unrequested,
    /// It waits for a nonce.
    Requested {
        plan: Plan,
    },
    /// It has one; the chain decides.
    Assigned {
        plan: Plan,
        address: EvmAddress,
    },
    Confirmed {
        address: EvmAddress,
    },
    Failed,
}

/// What is to be made, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The network's name in our configuration, for people.
    pub network: String,
    /// EIP-155: which chain it is, whatever the configuration calls it.
    pub chain_id: u64,
    /// Of the collection, as wallets show it (ERC-721).
    pub name: String,
    pub symbol: String,
    /// Who may give and take every role of the contract.
    pub admin: EvmAddress,
}

events! {
    pub enum DeploymentEvent {
        DeploymentRequested = "deployment.requested" v 1 { plan: Plan },
        /// The address follows from who signs and from the nonce.
        DeploymentAssigned = "deployment.assigned" v 1 {
            signer: EvmAddress,
            nonce: u64,
            address: EvmAddress,
        },
        /// Its nonce was spent by somebody else; it waits for another.
        DeploymentSlotLost = "deployment.slot_lost" v 1 { nonce: u64, finalized_block: u64 },
        DeploymentConfirmed = "deployment.confirmed" v 1 {
            address: EvmAddress,
            inclusion: Inclusion,
            finalized_block: u64,
            cost: Cost,
        },
        DeploymentFailed = "deployment.failed" v 1 {
            class: FailureClass,
            evidence: Inclusion,
            finalized_block: u64,
        },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum DeploymentError {
    #[error("no such deployment")]
    Absent,
    #[error("{command} is not possible while the deployment is {state}")]
    IllegalState { state: &'static str, command: &'static str },
    #[error("block {block} is not final: the chain is final up to {finalized}")]
    NotFinal { block: u64, finalized: u64 },
}

impl Refusal for DeploymentError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::IllegalState { .. } | Self::NotFinal { .. } => Kind::IllegalState,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "NOT_FOUND",
            Self::IllegalState { .. } | Self::NotFinal { .. } => "ILLEGAL_STATE",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::IllegalState { state, command } => Some((state, command)),
            Self::Absent | Self::NotFinal { .. } => None,
        }
    }
}

impl Deployment {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unrequested => "UNREQUESTED",
            Self::Requested { .. } => "REQUESTED",
            Self::Assigned { .. } => "ASSIGNED",
            Self::Confirmed { .. } => "CONFIRMED",
            Self::Failed => "FAILED",
        }
    }

    fn fold(&mut self, event: DeploymentEvent) {
        *self = match (event, std::mem::take(self)) {
            (DeploymentEvent::DeploymentRequested { plan }, _) => Self::Requested { plan },
            (DeploymentEvent::DeploymentAssigned { address, .. }, Self::Requested { plan }) => {
                Self::Assigned { plan, address }
            }
            (DeploymentEvent::DeploymentSlotLost { .. }, Self::Assigned { plan, .. }) => {
                Self::Requested { plan }
            }
            (DeploymentEvent::DeploymentConfirmed { address, .. }, _) => {
                Self::Confirmed { address }
            }
            (DeploymentEvent::DeploymentFailed { .. }, _) => Self::Failed,
            // The rules never write these in another state.
            (
                DeploymentEvent::DeploymentAssigned { .. }
                | DeploymentEvent::DeploymentSlotLost { .. },
                unchanged,
            ) => unchanged,
        };
    }

    fn illegal(&self, command: &'static str) -> DeploymentError {
        match self {
            Self::Unrequested => DeploymentError::Absent,
            _ => DeploymentError::IllegalState { state: self.name(), command },
        }
    }

    /// What is to be made, while it is not made yet.
    pub const fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Requested { plan } | Self::Assigned { plan, .. } => Some(plan),
            Self::Unrequested | Self::Confirmed { .. } | Self::Failed => None,
        }
    }
}

aggregate!(Deployment, "deployment", DeploymentEvent, DeploymentError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! A deployment to tell stories about.

    use super::*;
    use crate::nft::samples::{cost, inclusion};

    pub fn plan() -> Plan {
        Plan {
            network: "development".into(),
            chain_id: 31_337,
            name: "CaskChain Casks".into(),
            symbol: "CASK".into(),
            admin: signer(),
        }
    }

    pub fn signer() -> EvmAddress {
        EvmAddress::parse("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266").unwrap()
    }

    pub fn address() -> EvmAddress {
        EvmAddress::parse("0x5fbdb2315678afecb367f032d93f642f64180aa3").unwrap()
    }

    pub fn requested() -> DeploymentEvent {
        DeploymentEvent::DeploymentRequested { plan: plan() }
    }

    pub fn assigned() -> DeploymentEvent {
        DeploymentEvent::DeploymentAssigned { signer: signer(), nonce: 3, address: address() }
    }

    pub fn slot_lost() -> DeploymentEvent {
        DeploymentEvent::DeploymentSlotLost { nonce: 3, finalized_block: 9 }
    }

    pub fn confirmed() -> DeploymentEvent {
        DeploymentEvent::DeploymentConfirmed {
            address: address(),
            inclusion: inclusion(),
            finalized_block: 9,
            cost: cost(),
        }
    }

    pub fn failed() -> DeploymentEvent {
        DeploymentEvent::DeploymentFailed {
            class: FailureClass::RevertedAtFinality,
            evidence: inclusion(),
            finalized_block: 9,
        }
    }
}
