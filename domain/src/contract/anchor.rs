//! Keeping a head of the ledger at a contract: one at a time, each newer than the last.

use super::{Anchor, Contract, ContractError, ContractEvent};
use crate::command::Command;
use crate::nft::address::EvmAddress;
use crate::nft::{Cost, FailureClass, Inclusion};
use crate::permission::Permission;

/// Appended together with the lane's event.
pub struct AssignAnchor {
    pub anchor: Anchor,
    pub signer: EvmAddress,
    pub nonce: u64,
}

impl Command<Contract> for AssignAnchor {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, contract: &Contract) -> Result<Vec<ContractEvent>, ContractError> {
        if contract.anchoring.is_some() {
            return Err(ContractError::AnchorUnderWay);
        }
        let there = self.anchor.before.max(contract.anchored);
        if self.anchor.size <= there {
            return Err(ContractError::NotNewer(there));
        }
        Ok(vec![ContractEvent::AnchorAssigned {
            anchor: self.anchor.clone(),
            signer: self.signer,
            nonce: self.nonce,
        }])
    }
}

/// Somebody else has spent its nonce.
pub struct LoseAnchorSlot {
    pub nonce: u64,
    pub finalized_block: u64,
}

impl Command<Contract> for LoseAnchorSlot {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, contract: &Contract) -> Result<Vec<ContractEvent>, ContractError> {
        contract.anchoring.as_ref().ok_or(ContractError::NoAnchor)?;
        let Self { nonce, finalized_block } = *self;
        Ok(vec![ContractEvent::AnchorSlotLost { nonce, finalized_block }])
    }
}

/// It is there for good.
pub struct ConfirmAnchor {
    pub inclusion: Inclusion,
    pub finalized_block: u64,
    pub cost: Cost,
}

impl Command<Contract> for ConfirmAnchor {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, contract: &Contract) -> Result<Vec<ContractEvent>, ContractError> {
        let anchor = contract.anchoring.clone().ok_or(ContractError::NoAnchor)?;
        must_be_final(&self.inclusion, self.finalized_block)?;
        Ok(vec![ContractEvent::AnchorConfirmed {
            anchor,
            inclusion: self.inclusion.clone(),
            finalized_block: self.finalized_block,
            cost: self.cost.clone(),
        }])
    }
}

/// The contract has not taken it, and will not.
pub struct FailAnchor {
    pub class: FailureClass,
    pub evidence: Inclusion,
    pub finalized_block: u64,
}

impl Command<Contract> for FailAnchor {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, contract: &Contract) -> Result<Vec<ContractEvent>, ContractError> {
        contract.anchoring.as_ref().ok_or(ContractError::NoAnchor)?;
        must_be_final(&self.evidence, self.finalized_block)?;
        Ok(vec![ContractEvent::AnchorFailed {
            class: self.class,
            evidence: self.evidence.clone(),
            finalized_block: self.finalized_block,
        }])
    }
}

const fn must_be_final(seen: &Inclusion, finalized: u64) -> Result<(), ContractError> {
    if seen.block_number <= finalized {
        Ok(())
    } else {
        Err(ContractError::NotFinal { block: seen.block_number, finalized })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;
    use crate::nft::samples::{cost, inclusion};

    fn assign(size: u64, before: u64) -> AssignAnchor {
        let anchor = Anchor { size, before, ..anchor() };
        AssignAnchor { anchor, signer: signer(), nonce: 3 }
    }

    fn confirm(finalized_block: u64) -> ConfirmAnchor {
        ConfirmAnchor { inclusion: inclusion(), finalized_block, cost: cost() }
    }

    fn fail(finalized_block: u64) -> FailAnchor {
        let class = FailureClass::RevertedAtFinality;
        FailAnchor { class, evidence: inclusion(), finalized_block }
    }

    #[test]
    fn one_head_at_a_time_and_each_newer_than_the_last() {
        given::<Contract>(vec![])
            .when(assign(1_200, 900))
            .then_expect_events(vec![anchor_assigned()]);
        given::<Contract>(vec![anchor_assigned()])
            .when(assign(1_300, 900))
            .then_expect_error(ContractError::AnchorUnderWay);
        let there = vec![anchor_assigned(), anchor_confirmed()];
        for (size, before) in [(1_200, 900), (1_100, 0), (1_300, 1_300)] {
            let newest = before.max(1_200);
            given::<Contract>(there.clone())
                .when(assign(size, before))
                .then_expect_error(ContractError::NotNewer(newest));
        }
        for over in [anchor_failed(), anchor_slot_lost()] {
            given::<Contract>(vec![anchor_assigned(), over])
                .when(assign(1_200, 900))
                .then_expect_events(vec![anchor_assigned()]);
        }
    }

    #[test]
    fn what_became_of_it_is_said_once_and_by_a_final_block() {
        let lose = || LoseAnchorSlot { nonce: 3, finalized_block: 9 };
        let under_way = vec![anchor_assigned()];
        given::<Contract>(under_way.clone())
            .when(confirm(9))
            .then_expect_events(vec![anchor_confirmed()]);
        given::<Contract>(under_way.clone())
            .when(fail(9))
            .then_expect_events(vec![anchor_failed()]);
        given::<Contract>(under_way.clone())
            .when(lose())
            .then_expect_events(vec![anchor_slot_lost()]);
        let not_final = || ContractError::NotFinal { block: 9, finalized: 8 };
        given::<Contract>(under_way.clone()).when(confirm(8)).then_expect_error(not_final());
        given::<Contract>(under_way).when(fail(8)).then_expect_error(not_final());
        for before in [vec![], vec![anchor_assigned(), anchor_confirmed()]] {
            let none = || ContractError::NoAnchor;
            given::<Contract>(before.clone()).when(confirm(9)).then_expect_error(none());
            given::<Contract>(before.clone()).when(fail(9)).then_expect_error(none());
            given::<Contract>(before).when(lose()).then_expect_error(none());
        }
    }
}
