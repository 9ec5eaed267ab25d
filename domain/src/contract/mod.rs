//! Contract: a deployed contract on a network, how far its logs are in ours, and which heads of our
//! ledger it keeps. Its id is the chain's and its address.

mod anchor;
mod lawful;

pub use anchor::{AssignAnchor, ConfirmAnchor, FailAnchor, LoseAnchorSlot};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::{Command, aggregate};
use crate::deployment::Plan;
use crate::event::events;
use crate::id::DeploymentId;
use crate::nft::address::EvmAddress;
use crate::nft::{Cost, FailureClass, Inclusion};
use crate::permission::Permission;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Whether it was made by a deployment of ours.
    deployed: bool,
    /// The last block whose transfers are in the log; none before the first.
    followed: Option<u64>,
    /// The head that is on its way there.
    anchoring: Option<Anchor>,
    /// Size of the last head that is there for good.
    anchored: u64,
}

/// A head of the ledger, as a contract keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// How many events it covers.
    pub size: u64,
    /// Of their tree, in hex.
    pub root: String,
    /// Size of the head the contract has, which this one is proven to continue; 0 for the first.
    pub before: u64,
}

events! {
    pub enum ContractEvent {
        /// It was made here, in a final block.
        ContractDeployed = "contract.deployed" v 1 {
            deployment: DeploymentId,
            plan: Plan,
            inclusion: Inclusion,
        },
        /// Every movement of a token up to this final block is in the log.
        ContractFollowed = "contract.followed" v 1 {
            network: String,
            block: u64,
            block_hash: String,
        },
        AnchorAssigned = "contract.anchor_assigned" v 1 {
            anchor: Anchor,
            signer: EvmAddress,
            nonce: u64,
        },
        /// Its nonce was spent by somebody else; the next one comes by schedule.
        AnchorSlotLost = "contract.anchor_slot_lost" v 1 { nonce: u64, finalized_block: u64 },
        AnchorConfirmed = "contract.anchor_confirmed" v 1 {
            anchor: Anchor,
            inclusion: Inclusion,
            finalized_block: u64,
            cost: Cost,
        },
        AnchorFailed = "contract.anchor_failed" v 1 {
            class: FailureClass,
            evidence: Inclusion,
            finalized_block: u64,
        },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum ContractError {
    #[error("a head is on its way to the contract already")]
    AnchorUnderWay,
    #[error("no head is on its way to the contract")]
    NoAnchor,
    #[error("a head of {0} events or more is there already")]
    NotNewer(u64),
    #[error("block {block} is not final: the chain is final up to {finalized}")]
    NotFinal { block: u64, finalized: u64 },
}

impl Refusal for ContractError {
    fn kind(&self) -> Kind {
        Kind::IllegalState
    }

    fn code(&self) -> &'static str {
        "ILLEGAL_STATE"
    }
}

impl Contract {
    fn fold(&mut self, event: ContractEvent) {
        match event {
            ContractEvent::ContractDeployed { .. } => self.deployed = true,
            ContractEvent::ContractFollowed { block, .. } => self.followed = Some(block),
            ContractEvent::AnchorAssigned { anchor, .. } => self.anchoring = Some(anchor),
            ContractEvent::AnchorConfirmed { anchor, .. } => {
                (self.anchoring, self.anchored) = (None, anchor.size);
            }
            ContractEvent::AnchorSlotLost { .. } | ContractEvent::AnchorFailed { .. } => {
                self.anchoring = None;
            }
        }
    }

    /// The first block whose transfers are not in the log yet.
    pub fn next_block(&self) -> u64 {
        self.followed.map_or(0, |block| block.saturating_add(1))
    }

    /// Size of the last head that is there for good; 0 if there is none.
    pub const fn anchored(&self) -> u64 {
        self.anchored
    }

    /// The head that is on its way there.
    pub const fn anchoring(&self) -> Option<&Anchor> {
        self.anchoring.as_ref()
    }
}

/// Appended together with the verdict on its deployment.
pub struct RecordDeployed {
    pub deployment: DeploymentId,
    pub plan: Plan,
    pub inclusion: Inclusion,
}

impl Command<Contract> for RecordDeployed {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, contract: &Contract) -> Result<Vec<ContractEvent>, ContractError> {
        if contract.deployed {
            return Ok(vec![]);
        }
        Ok(vec![ContractEvent::ContractDeployed {
            deployment: self.deployment,
            plan: self.plan.clone(),
            inclusion: self.inclusion.clone(),
        }])
    }
}

pub struct RecordFollowed {
    pub network: String,
    pub block: u64,
    pub block_hash: String,
}

impl Command<Contract> for RecordFollowed {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, contract: &Contract) -> Result<Vec<ContractEvent>, ContractError> {
        if self.block < contract.next_block() {
            return Ok(vec![]);
        }
        Ok(vec![ContractEvent::ContractFollowed {
            network: self.network.clone(),
            block: self.block,
            block_hash: self.block_hash.clone(),
        }])
    }
}

aggregate!(Contract, "contract", ContractEvent, ContractError, snapshot 3);

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub fn deployed() -> ContractEvent {
        ContractEvent::ContractDeployed {
            deployment: DeploymentId::new(7_500_001),
            plan: crate::deployment::samples::plan(),
            inclusion: crate::nft::samples::inclusion(),
        }
    }

    pub fn anchor() -> Anchor {
        Anchor { size: 1_200, root: "ab".repeat(32), before: 900 }
    }

    pub fn signer() -> EvmAddress {
        EvmAddress::parse("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266").unwrap()
    }

    pub fn anchor_assigned() -> ContractEvent {
        ContractEvent::AnchorAssigned { anchor: anchor(), signer: signer(), nonce: 3 }
    }

    pub fn anchor_slot_lost() -> ContractEvent {
        ContractEvent::AnchorSlotLost { nonce: 3, finalized_block: 9 }
    }

    pub fn anchor_confirmed() -> ContractEvent {
        ContractEvent::AnchorConfirmed {
            anchor: anchor(),
            inclusion: crate::nft::samples::inclusion(),
            finalized_block: 9,
            cost: crate::nft::samples::cost(),
        }
    }

    pub fn anchor_failed() -> ContractEvent {
        ContractEvent::AnchorFailed {
            class: FailureClass::RevertedAtFinality,
            evidence: crate::nft::samples::inclusion(),
            finalized_block: 9,
        }
    }

    pub fn followed(block: u64) -> ContractEvent {
        ContractEvent::ContractFollowed {
            network: "development".into(),
            block,
            block_hash: "0xb9".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn it_is_made_once() {
        let made = || RecordDeployed {
            deployment: DeploymentId::new(7_500_001),
            plan: crate::deployment::samples::plan(),
            inclusion: crate::nft::samples::inclusion(),
        };
        given::<Contract>(vec![]).when(made()).then_expect_events(vec![deployed()]);
        given::<Contract>(vec![deployed()]).when(made()).then_expect_events(vec![]);
    }

    #[test]
    fn following_only_goes_forward() {
        let to = |block| RecordFollowed {
            network: "development".into(),
            block,
            block_hash: "0xb9".into(),
        };
        given::<Contract>(vec![]).when(to(0)).then_expect_events(vec![followed(0)]);
        given::<Contract>(vec![followed(9)]).when(to(10)).then_expect_events(vec![followed(10)]);
        given::<Contract>(vec![followed(9)]).when(to(9)).then_expect_events(vec![]);
    }
}
