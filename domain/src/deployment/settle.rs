//! The verdict: written from a finalized block and from nothing else.

use super::{Deployment, DeploymentError, DeploymentEvent};
use crate::command::Command;
use crate::nft::{Cost, FailureClass, Inclusion};
use crate::permission::Permission;

/// The contract is there.
pub struct ConfirmDeployment {
    pub inclusion: Inclusion,
    pub finalized_block: u64,
    pub cost: Cost,
}

impl Command<Deployment> for ConfirmDeployment {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, deployment: &Deployment) -> Result<Vec<DeploymentEvent>, DeploymentError> {
        let Deployment::Assigned { address, .. } = deployment else {
            return Err(deployment.illegal("confirm"));
        };
        must_be_final(&self.inclusion, self.finalized_block)?;
        Ok(vec![DeploymentEvent::DeploymentConfirmed {
            address: *address,
            inclusion: self.inclusion.clone(),
            finalized_block: self.finalized_block,
            cost: self.cost.clone(),
        }])
    }
}

/// Nothing came of it, and nothing can any more.
pub struct FailDeployment {
    pub class: FailureClass,
    pub evidence: Inclusion,
    pub finalized_block: u64,
}

impl Command<Deployment> for FailDeployment {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, deployment: &Deployment) -> Result<Vec<DeploymentEvent>, DeploymentError> {
        let Deployment::Assigned { .. } = deployment else {
            return Err(deployment.illegal("fail"));
        };
        must_be_final(&self.evidence, self.finalized_block)?;
        Ok(vec![DeploymentEvent::DeploymentFailed {
            class: self.class,
            evidence: self.evidence.clone(),
            finalized_block: self.finalized_block,
        }])
    }
}

const fn must_be_final(seen: &Inclusion, finalized: u64) -> Result<(), DeploymentError> {
    if seen.block_number <= finalized {
        Ok(())
    } else {
        Err(DeploymentError::NotFinal { block: seen.block_number, finalized })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;
    use crate::nft::samples::{cost, inclusion};

    #[test]
    fn only_a_final_block_is_a_verdict_and_there_is_one() {
        let confirm = |finalized_block| ConfirmDeployment {
            inclusion: inclusion(),
            finalized_block,
            cost: cost(),
        };
        let fail = |finalized_block| FailDeployment {
            class: FailureClass::RevertedAtFinality,
            evidence: inclusion(),
            finalized_block,
        };
        let before = vec![requested(), assigned()];
        let not_final = || DeploymentError::NotFinal { block: 9, finalized: 8 };
        given::<Deployment>(before.clone()).when(confirm(9)).then_expect_events(vec![confirmed()]);
        given::<Deployment>(before.clone()).when(fail(9)).then_expect_events(vec![failed()]);
        given::<Deployment>(before.clone()).when(confirm(8)).then_expect_error(not_final());
        given::<Deployment>(before.clone()).when(fail(8)).then_expect_error(not_final());
        for (state, last) in [("CONFIRMED", confirmed()), ("FAILED", failed())] {
            let after = [before.clone(), vec![last]].concat();
            given::<Deployment>(after.clone())
                .when(confirm(9))
                .then_expect_error(DeploymentError::IllegalState { state, command: "confirm" });
            given::<Deployment>(after)
                .when(fail(9))
                .then_expect_error(DeploymentError::IllegalState { state, command: "fail" });
        }
    }
}
