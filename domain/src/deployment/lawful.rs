//! Which commands may have brought a deployment's events about.

use super::{
    AssignDeployment, ConfirmDeployment, Deployment, DeploymentEvent, FailDeployment,
    LoseDeploymentSlot, RequestDeployment,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for Deployment {
    fn causes(&self, event: &DeploymentEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            DeploymentEvent::DeploymentRequested { plan } => {
                Decision::of(RequestDeployment { plan })
            }
            DeploymentEvent::DeploymentAssigned { signer, nonce, address } => {
                Decision::of(AssignDeployment { signer, nonce, address })
            }
            DeploymentEvent::DeploymentSlotLost { nonce, finalized_block } => {
                Decision::of(LoseDeploymentSlot { nonce, finalized_block })
            }
            DeploymentEvent::DeploymentConfirmed { inclusion, finalized_block, cost, .. } => {
                Decision::of(ConfirmDeployment { inclusion, finalized_block, cost })
            }
            DeploymentEvent::DeploymentFailed { class, evidence, finalized_block } => {
                Decision::of(FailDeployment { class, evidence, finalized_block })
            }
        }]
    }
}
