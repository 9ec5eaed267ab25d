//! Holding a mint back, and letting it go on: the worker for fees and funds, an operator for reasons
//! of their own. Held mints are neither assigned nor offered more for; what is signed is followed.

use serde::{Deserialize, Serialize};

use super::{Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The network asks more than the cap allows.
    FeeCap,
    /// The signer cannot pay.
    Funds,
    /// It was ordered of a contract that nothing is minted by any more.
    OtherContract,
    /// The contract wants its approval proven, and no anchored head has it.
    Unproven,
    /// The contract would not do it: it is paused, or does not know the signer.
    Refused,
    /// The contract has this token already, and nobody here has minted it.
    AlreadyOnChain,
    Operator,
}

impl HoldReason {
    pub const fn word(self) -> &'static str {
        match self {
            Self::FeeCap => "fee_cap",
            Self::Funds => "funds",
            Self::OtherContract => "other_contract",
            Self::Unproven => "unproven",
            Self::Refused => "refused",
            Self::AlreadyOnChain => "already_on_chain",
            Self::Operator => "operator",
        }
    }
}

/// The worker cannot go on.
pub struct HoldBack {
    pub reason: HoldReason,
    pub detail: String,
}

impl Command<Nft> for HoldBack {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        hold(nft, self.reason, &self.detail)
    }
}

/// The worker could go on. An operator's hold stays.
pub struct LetGo;

impl Command<Nft> for LetGo {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft.held() {
            None | Some(HoldReason::Operator) => Ok(vec![]),
            Some(_) => Ok(vec![NftEvent::MintReleased {}]),
        }
    }
}

/// An operator stops a mint.
pub struct HoldMint {
    pub detail: String,
}

impl Command<Nft> for HoldMint {
    const REQUIRES: Permission = Permission::OPERATE_MINTS;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        hold(nft, HoldReason::Operator, &self.detail)
    }
}

/// An operator lets a mint go on, whatever it was held for. What is still so holds it again.
pub struct ReleaseMint;

impl Command<Nft> for ReleaseMint {
    const REQUIRES: Permission = Permission::OPERATE_MINTS;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft.held() {
            Some(_) => Ok(vec![NftEvent::MintReleased {}]),
            None => Err(nft.illegal("release")),
        }
    }
}

fn hold(nft: &Nft, reason: HoldReason, detail: &str) -> Result<Vec<NftEvent>, NftError> {
    match nft {
        Nft::Requested { held, .. } | Nft::Pinned { held, .. } | Nft::Assigned { held, .. } => {
            match held {
                // The operator's word is not overruled by the worker's.
                Some(known) if *known == reason || *known == HoldReason::Operator => Ok(vec![]),
                _ => Ok(vec![NftEvent::MintHeld { reason, detail: detail.to_owned() }]),
            }
        }
        _ => Err(nft.illegal("hold")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn back(reason: HoldReason) -> HoldBack {
        HoldBack { reason, detail: "500 gwei are asked".into() }
    }

    fn by_operator() -> NftEvent {
        NftEvent::MintHeld { reason: HoldReason::Operator, detail: "under inspection".into() }
    }

    fn operator() -> HoldMint {
        HoldMint { detail: "under inspection".into() }
    }

    fn after(events: &[NftEvent]) -> Vec<NftEvent> {
        [until(&submitted()), events.to_vec()].concat()
    }

    #[test]
    fn the_worker_holds_once_and_lets_go() {
        given::<Nft>(after(&[])).when(back(HoldReason::FeeCap)).then_expect_events(vec![held()]);
        given::<Nft>(after(&[held()])).when(back(HoldReason::FeeCap)).then_expect_events(vec![]);
        given::<Nft>(after(&[held()]))
            .when(LetGo)
            .then_expect_events(vec![NftEvent::MintReleased {}]);
        given::<Nft>(after(&[])).when(LetGo).then_expect_events(vec![]);
    }

    #[test]
    fn an_operators_hold_is_the_operators_to_end() {
        let held_by_operator = after(&[by_operator()]);
        given::<Nft>(after(&[held()])).when(operator()).then_expect_events(vec![by_operator()]);
        given::<Nft>(held_by_operator.clone()).when(LetGo).then_expect_events(vec![]);
        given::<Nft>(held_by_operator.clone())
            .when(back(HoldReason::Funds))
            .then_expect_events(vec![]);
        given::<Nft>(held_by_operator)
            .when(ReleaseMint)
            .then_expect_events(vec![NftEvent::MintReleased {}]);
        given::<Nft>(after(&[]))
            .when(ReleaseMint)
            .then_expect_error(NftError::IllegalState { state: "SUBMITTED", command: "release" });
        given::<Nft>(until(&confirmed()))
            .when(operator())
            .then_expect_error(NftError::IllegalState { state: "CONFIRMED", command: "hold" });
    }

    #[test]
    fn a_held_mint_gets_no_nonce_but_what_is_in_a_block_counts() {
        let mut nft = Nft::default();
        for event in [until(&submitted()), vec![held()]].concat() {
            nft.fold(event);
        }
        assert_eq!(nft.name(), "HELD");
        nft.fold(included());
        assert_eq!(nft.name(), "INCLUDED");
    }
}
