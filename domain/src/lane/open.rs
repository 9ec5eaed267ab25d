//! Opening a lane at the nonce the chain reports for a signer that nothing else uses.

use super::{Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct OpenLane {
    pub network: String,
    pub chain_id: u64,
    pub signer: String,
    pub base_nonce: u64,
}

impl Command<Lane> for OpenLane {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        match lane {
            Lane::Open { .. } => Err(LaneError::AlreadyOpen),
            Lane::Unopened => Ok(vec![LaneEvent::LaneOpened {
                network: self.network.clone(),
                chain_id: self.chain_id,
                signer: self.signer.clone(),
                base_nonce: self.base_nonce,
            }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_lane_opens_once() {
        let command = || OpenLane {
            network: "development".into(),
            chain_id: 31_337,
            signer: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266".into(),
            base_nonce: 3,
        };
        given::<Lane>(vec![]).when(command()).then_expect_events(vec![opened()]);
        given::<Lane>(vec![opened()]).when(command()).then_expect_error(LaneError::AlreadyOpen);
    }
}
