//! Asking for a contract.

use super::{Deployment, DeploymentError, DeploymentEvent, Plan};
use crate::command::Command;
use crate::permission::Permission;

pub struct RequestDeployment {
    pub plan: Plan,
}

impl Command<Deployment> for RequestDeployment {
    const REQUIRES: Permission = Permission::OPERATE_MINTS;

    fn decide(&self, deployment: &Deployment) -> Result<Vec<DeploymentEvent>, DeploymentError> {
        match deployment {
            Deployment::Unrequested => {
                Ok(vec![DeploymentEvent::DeploymentRequested { plan: self.plan.clone() }])
            }
            _ => Err(deployment.illegal("request")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn it_is_asked_for_once() {
        let ask = || RequestDeployment { plan: plan() };
        given::<Deployment>(vec![]).when(ask()).then_expect_events(vec![requested()]);
        given::<Deployment>(vec![requested()]).when(ask()).then_expect_error(
            DeploymentError::IllegalState { state: "REQUESTED", command: "request" },
        );
    }
}
