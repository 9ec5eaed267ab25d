//! Writing down that somebody has proven to hold the token, and by which block. The proof itself, a
//! signature and what the chain says, was judged before.

use super::address::EvmAddress;
use super::{Nft, NftError, NftEvent, Order};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct RecordOwnership {
    /// Who showed the key.
    pub user: Option<UserId>,
    pub address: EvmAddress,
    /// What was signed.
    pub message_hash: String,
    pub block_number: u64,
    pub block_hash: String,
}

impl Command<Nft> for RecordOwnership {
    const REQUIRES: Permission = Permission::READ_WHISKEY;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        nft.owned()?;
        Ok(vec![NftEvent::OwnershipVerified {
            user: self.user,
            address: self.address,
            message_hash: self.message_hash.clone(),
            block_number: self.block_number,
            block_hash: self.block_hash.clone(),
        }])
    }
}

impl Nft {
    /// Where a token stands that somebody can own.
    pub fn owned(&self) -> Result<&Order, NftError> {
        match self {
            Self::Confirmed { order, .. } => Ok(order),
            _ => Err(self.illegal("verify ownership")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shown;
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command() -> RecordOwnership {
        let NftEvent::OwnershipVerified { user, address, message_hash, block_number, block_hash } =
            ownership_verified()
        else {
            unreachable!("the sample is one of these")
        };
        RecordOwnership { user, address, message_hash, block_number, block_hash }
    }

    #[test]
    fn a_token_that_exists_has_an_owner_as_often_as_it_is_proven() {
        let proven = || vec![ownership_verified()];
        given::<Nft>(until(&confirmed())).when(command()).then_expect_events(proven());
        given::<Nft>([until(&confirmed()), proven()].concat())
            .when(command())
            .then_expect_events(proven());
    }

    #[test]
    fn before_it_is_minted_and_after_it_is_burned_nobody_owns_it() {
        given::<Nft>(vec![]).when(command()).then_expect_error(NftError::Absent);
        given::<Nft>(until(&included())).when(command()).then_expect_error(
            NftError::IllegalState { state: "INCLUDED", command: "verify ownership" },
        );
        let burned = NftEvent::TokenBurned { from: holder(), at: log_place() };
        given::<Nft>([until(&confirmed()), vec![burned]].concat())
            .when(command())
            .then_expect_error(NftError::IllegalState {
                state: "BURNED",
                command: "verify ownership",
            });
    }

    #[test]
    fn a_proof_tells_who_the_holder_is_and_changes_nothing_else() {
        let mut nft = Nft::default();
        until(&confirmed()).into_iter().for_each(|event| nft.fold(event));
        let Nft::Confirmed { order, holder, followed, .. } = nft.clone() else {
            unreachable!("it is confirmed")
        };
        nft.fold(ownership_verified());
        let shown = Some(Shown { by: BUYER, address: holder });
        assert_eq!(nft, Nft::Confirmed { order, holder, followed, shown });
    }
}
