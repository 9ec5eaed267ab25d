//! Asking for a cask's token to be minted, and asking again for what failed.

use super::address::EvmAddress;
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

/// The same order once more, after a failure that is proven.
pub struct RetryMint {
    pub whiskey: WhiskeyId,
    pub owner: UserId,
    /// Where its tenant wants approvals proven: by this contract, whichever it was ordered of.
    pub proven_by: Option<EvmAddress>,
}

impl Command<Nft> for RetryMint {
    const REQUIRES: Permission = Permission::GENERATE_NFT;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        let Nft::Failed { order } = nft else {
            return Err(nft.illegal("retry"));
        };
        let (whiskey, owner) = (self.whiskey, self.owner);
        let contract = self.proven_by.unwrap_or(order.contract);
        let order = Order { contract, ..order.clone() };
        Ok(vec![NftEvent::MintRequested { whiskey, owner, order }])
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

    #[test]
    fn only_what_has_failed_is_asked_for_again_and_in_the_same_words() {
        let owner = UserId::new(7_204_001);
        let retry = || RetryMint { whiskey: CASK, owner, proven_by: None };
        given::<Nft>([until(&included()), vec![failed()]].concat())
            .when(retry())
            .then_expect_events(vec![requested()]);
        let contract = EvmAddress::from_bytes([9; 20]);
        let order = Order { contract, ..order() };
        given::<Nft>([until(&included()), vec![failed()]].concat())
            .when(RetryMint { proven_by: Some(contract), ..retry() })
            .then_expect_events(vec![NftEvent::MintRequested { whiskey: CASK, owner, order }]);
        given::<Nft>(vec![]).when(retry()).then_expect_error(NftError::Absent);
        for last in [requested(), pinned(), assigned(), submitted(), included(), confirmed()] {
            let refused = given::<Nft>(until(&last)).when(retry()).inspect_result();
            assert!(matches!(refused, Err(NftError::IllegalState { command: "retry", .. })));
        }
    }
}
