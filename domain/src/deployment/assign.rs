//! Which nonce of which signer a deployment has, and losing it; appended together with the lane's event.

use super::{Deployment, DeploymentError, DeploymentEvent};
use crate::command::Command;
use crate::nft::address::EvmAddress;
use crate::permission::Permission;

pub struct AssignDeployment {
    pub signer: EvmAddress,
    pub nonce: u64,
    /// Where the contract will be, by both.
    pub address: EvmAddress,
}

impl Command<Deployment> for AssignDeployment {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, deployment: &Deployment) -> Result<Vec<DeploymentEvent>, DeploymentError> {
        let Self { signer, nonce, address } = *self;
        match deployment {
            Deployment::Requested { .. } => {
                Ok(vec![DeploymentEvent::DeploymentAssigned { signer, nonce, address }])
            }
            _ => Err(deployment.illegal("assign")),
        }
    }
}

pub struct LoseDeploymentSlot {
    pub nonce: u64,
    pub finalized_block: u64,
}

impl Command<Deployment> for LoseDeploymentSlot {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, deployment: &Deployment) -> Result<Vec<DeploymentEvent>, DeploymentError> {
        let Self { nonce, finalized_block } = *self;
        match deployment {
            Deployment::Assigned { .. } => {
                Ok(vec![DeploymentEvent::DeploymentSlotLost { nonce, finalized_block }])
            }
            _ => Err(deployment.illegal("lose its slot")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn it_has_one_nonce_at_a_time() {
        let assign = || AssignDeployment { signer: signer(), nonce: 3, address: address() };
        let lose = || LoseDeploymentSlot { nonce: 3, finalized_block: 9 };
        given::<Deployment>(vec![requested()]).when(assign()).then_expect_events(vec![assigned()]);
        given::<Deployment>(vec![]).when(assign()).then_expect_error(DeploymentError::Absent);
        given::<Deployment>(vec![requested(), assigned()]).when(assign()).then_expect_error(
            DeploymentError::IllegalState { state: "ASSIGNED", command: "assign" },
        );
        given::<Deployment>(vec![requested(), assigned()])
            .when(lose())
            .then_expect_events(vec![slot_lost()]);
        let lost = vec![requested(), assigned(), slot_lost()];
        given::<Deployment>(lost.clone()).when(assign()).then_expect_events(vec![assigned()]);
        given::<Deployment>(lost).when(lose()).then_expect_error(DeploymentError::IllegalState {
            state: "REQUESTED",
            command: "lose its slot",
        });
    }
}
