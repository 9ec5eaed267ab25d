//! Recording which nonce of which signer the mint has; appended together with the lane's event.

use super::address::EvmAddress;
use super::{HoldReason, Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct AssignMint {
    pub network: String,
    pub signer: EvmAddress,
    pub nonce: u64,
}

impl Command<Nft> for AssignMint {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        let assigned = NftEvent::MintAssigned {
            network: self.network.clone(),
            signer: self.signer,
            nonce: self.nonce,
        };
        match nft {
            Nft::Pinned { held: None, .. } => Ok(vec![assigned]),
            Nft::Pinned {
                held: Some(HoldReason::Operator | HoldReason::AlreadyOnChain), ..
            } => Err(nft.illegal("assign")),
            // Whoever assigns has seen that it may go on.
            Nft::Pinned { held: Some(_), .. } => Ok(vec![NftEvent::MintReleased {}, assigned]),
            _ => Err(nft.illegal("assign")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn only_pinned_mints_get_a_nonce_and_only_one() {
        let command = || AssignMint {
            network: "development".into(),
            signer: EvmAddress::parse("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266").unwrap(),
            nonce: 3,
        };
        given::<Nft>(until(&pinned())).when(command()).then_expect_events(vec![assigned()]);
        for (state, last) in [("REQUESTED", requested()), ("ASSIGNED", assigned())] {
            given::<Nft>(until(&last))
                .when(command())
                .then_expect_error(NftError::IllegalState { state, command: "assign" });
        }
    }

    #[test]
    fn a_mint_held_by_an_operator_gets_none() {
        let command = || AssignMint {
            network: "development".into(),
            signer: EvmAddress::parse("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266").unwrap(),
            nonce: 3,
        };
        let with = |event| [until(&pinned()), vec![event]].concat();
        given::<Nft>(with(held()))
            .when(command())
            .then_expect_events(vec![NftEvent::MintReleased {}, assigned()]);
        let by_operator =
            NftEvent::MintHeld { reason: HoldReason::Operator, detail: "under inspection".into() };
        given::<Nft>(with(by_operator))
            .when(command())
            .then_expect_error(NftError::IllegalState { state: "HELD", command: "assign" });
    }
}
