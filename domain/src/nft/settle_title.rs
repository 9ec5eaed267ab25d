//! The title to the cask follows its token: written down here together with the cask's own event. Whoever
//! gets it has shown the key of the address that holds the token now.

use super::{Nft, NftError, NftEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct RecordTitle {
    pub owner: UserId,
}

impl Command<Nft> for RecordTitle {
    const REQUIRES: Permission = Permission::APPROVE_WHISKEY;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        if nft.shown_holder()? != self.owner {
            return Err(NftError::HolderUnknown);
        }
        Ok(vec![NftEvent::TitleSettled { owner: self.owner }])
    }
}

impl Nft {
    /// Who holds the token, if they have shown that it is them.
    pub fn shown_holder(&self) -> Result<UserId, NftError> {
        match self {
            Self::Confirmed { holder, shown, .. } => match shown {
                Some(shown) if shown.address == *holder => Ok(shown.by),
                Some(_) | None => Err(NftError::HolderUnknown),
            },
            _ => Err(self.illegal("settle the title")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;
    use crate::nft::address::EvmAddress;

    fn settle() -> RecordTitle {
        RecordTitle { owner: BUYER }
    }

    #[test]
    fn the_title_goes_to_who_has_shown_the_holder_s_key() {
        given::<Nft>([until(&confirmed()), vec![ownership_verified()]].concat())
            .when(settle())
            .then_expect_events(vec![title_settled()]);
        given::<Nft>(until(&confirmed())).when(settle()).then_expect_error(NftError::HolderUnknown);
        given::<Nft>([until(&confirmed()), vec![ownership_verified()]].concat())
            .when(RecordTitle { owner: UserId::new(1) })
            .then_expect_error(NftError::HolderUnknown);
    }

    #[test]
    fn a_proof_is_worth_nothing_once_the_token_has_moved_or_of_another_address() {
        given::<Nft>([until(&confirmed()), vec![ownership_verified(), transferred()]].concat())
            .when(settle())
            .then_expect_error(NftError::HolderUnknown);
        given::<Nft>([until(&confirmed()), vec![shown(EvmAddress::from_bytes([9; 20]))]].concat())
            .when(settle())
            .then_expect_error(NftError::HolderUnknown);
    }

    #[test]
    fn a_buyer_may_show_their_key_before_the_log_knows_that_they_hold_the_token() {
        let NftEvent::TokenTransferred { to, .. } = transferred() else {
            unreachable!("the sample is one of these")
        };
        given::<Nft>([until(&confirmed()), vec![shown(to), transferred()]].concat())
            .when(settle())
            .then_expect_events(vec![title_settled()]);
    }

    fn shown(address: EvmAddress) -> NftEvent {
        let (message_hash, block_hash) = ("0x5c".into(), "0xb9".into());
        let user = Some(BUYER);
        NftEvent::OwnershipVerified { user, address, message_hash, block_number: 9, block_hash }
    }

    #[test]
    fn without_a_token_there_is_nothing_to_follow() {
        given::<Nft>(until(&included())).when(settle()).then_expect_error(NftError::IllegalState {
            state: "INCLUDED",
            command: "settle the title",
        });
    }
}
