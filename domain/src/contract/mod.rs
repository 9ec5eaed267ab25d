//! Contract: a deployed contract on a network, and how far its logs are in ours. Its id is the chain's
//! and its address.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::{Command, Decision, aggregate};
use crate::deployment::Plan;
use crate::event::events;
use crate::id::{DeploymentId, UserId};
use crate::nft::Inclusion;
use crate::permission::Permission;
use crate::refusal::{Kind, Refusal};
use crate::replay::Lawful;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Whether it was made by a deployment of ours.
    deployed: bool,
    /// The last block whose transfers are in the log; none before the first.
    followed: Option<u64>,
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
    }
}

/// Nothing about following a chain can be refused.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ContractError {}

impl Refusal for ContractError {
    fn kind(&self) -> Kind {
        match *self {}
    }

    fn code(&self) -> &'static str {
        match *self {}
    }
}

impl Contract {
    fn fold(&mut self, event: ContractEvent) {
        match event {
            ContractEvent::ContractDeployed { .. } => self.deployed = true,
            ContractEvent::ContractFollowed { block, .. } => self.followed = Some(block),
        }
    }

    /// The first block whose transfers are not in the log yet.
    pub fn next_block(&self) -> u64 {
        self.followed.map_or(0, |block| block.saturating_add(1))
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

aggregate!(Contract, "contract", ContractEvent, ContractError, snapshot 2);

impl Lawful for Contract {
    fn causes(&self, event: &ContractEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            ContractEvent::ContractDeployed { deployment, plan, inclusion } => {
                Decision::of(RecordDeployed { deployment, plan, inclusion })
            }
            ContractEvent::ContractFollowed { network, block, block_hash } => {
                Decision::of(RecordFollowed { network, block, block_hash })
            }
        }]
    }
}

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
