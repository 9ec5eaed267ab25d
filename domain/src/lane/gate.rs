//! Whether a lane gives nonces: an operator pauses it, the use of its key by somebody else shuts it.
//! What has a nonce is followed in any case.

use serde::{Deserialize, Serialize};

use super::{Lane, LaneError, LaneEvent};
use crate::command::Command;
use crate::permission::Permission;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    #[default]
    Open,
    Paused,
    /// Somebody else has used the key.
    Quarantined,
}

impl Gate {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Quarantined => "quarantined",
        }
    }

    pub(super) const fn must_be_open(self) -> Result<(), LaneError> {
        match self {
            Self::Open => Ok(()),
            Self::Paused | Self::Quarantined => Err(LaneError::Closed(self.name())),
        }
    }
}

pub struct PauseLane {
    pub reason: String,
}

impl Command<Lane> for PauseLane {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        match lane {
            Lane::Unopened => Err(LaneError::Unopened),
            Lane::Open { gate: Gate::Open, .. } => {
                Ok(vec![LaneEvent::LanePaused { reason: self.reason.clone() }])
            }
            Lane::Open { .. } => Ok(vec![]),
        }
    }
}

/// Nonces are given again. What somebody else has spent meanwhile is left out.
pub struct ResumeLane {
    /// The chain's own count of the signer's transactions.
    pub chain_nonce: u64,
}

impl Command<Lane> for ResumeLane {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        match lane {
            Lane::Unopened => Err(LaneError::Unopened),
            Lane::Open { gate: Gate::Open, .. } => Ok(vec![]),
            Lane::Open { next_nonce, .. } => {
                let next_nonce = self.chain_nonce.max(*next_nonce);
                Ok(vec![LaneEvent::LaneResumed { next_nonce }])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_paused_lane_goes_on_where_the_chain_is() {
        let pause = || PauseLane { reason: "fees".into() };
        given::<Lane>(vec![opened()]).when(pause()).then_expect_events(vec![paused()]);
        given::<Lane>(vec![opened(), paused()]).when(pause()).then_expect_events(vec![]);
        given::<Lane>(vec![]).when(pause()).then_expect_error(LaneError::Unopened);
        for (chain_nonce, next_nonce) in [(0, 3), (3, 3), (7, 7)] {
            given::<Lane>(vec![opened(), paused()])
                .when(ResumeLane { chain_nonce })
                .then_expect_events(vec![LaneEvent::LaneResumed { next_nonce }]);
        }
        given::<Lane>(vec![opened()])
            .when(ResumeLane { chain_nonce: 9 })
            .then_expect_events(vec![]);
    }
}
