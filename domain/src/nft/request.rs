//! Asking for a cask's token to be minted.

use super::{Nft, NftError, NftEvent, Order};
use crate::command::Command;
use crate::id::{UserId, WhiskeyId};
use crate::permission::Permission;

pub struct RequestMint {
    pub whiskey: WhiskeyId,
    pub owner: UserId,
    pub order: Order,
}

impl Command<Nft> for RequestMint {
    const REQUIRES: Permission = Permission::GENERATE_NFT;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft {
            // After a proven failure there is no token, and none can come any more.
            Nft::Unrequested | Nft::Failed { .. } => Ok(vec![NftEvent::MintRequested {
                whiskey: self.whiskey,
                owner: self.owner,
                order: self.order.clone(),
            }]),
            _ => Err(nft.illegal("generate")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_cask_is_minted_once_over_all_networks() {
        let on = |network: &str| RequestMint {
            whiskey: CASK,
            owner: UserId::new(7_204_001),
            order: Order { network: network.into(), ..order() },
        };
        given::<Nft>(vec![]).when(on("development")).then_expect_events(vec![requested()]);
        given::<Nft>([until(&included()), vec![failed()]].concat())
            .when(on("development"))
            .then_expect_events(vec![requested()]);
        for last in [requested(), pinned(), assigned(), submitted(), included(), confirmed()] {
            let refused = given::<Nft>(until(&last)).when(on("polygon")).inspect_result();
            assert!(matches!(refused, Err(NftError::IllegalState { command: "generate", .. })));
        }
    }
}
