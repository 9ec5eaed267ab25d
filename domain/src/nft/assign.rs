//! Recording which nonce of which signer the mint has; appended together with the lane's event.

use super::address::EvmAddress;
use super::{Nft, NftError, NftEvent};
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
        match nft {
            Nft::Pinned { .. } => Ok(vec![NftEvent::MintAssigned {
                network: self.network.clone(),
                signer: self.signer,
                nonce: self.nonce,
            }]),
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
}
