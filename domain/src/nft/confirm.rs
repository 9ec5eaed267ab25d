//! The verdict that a token exists: written from a finalized block and from nothing else.

use super::{Cost, Inclusion, Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct ConfirmMint {
    pub inclusion: Inclusion,
    /// The newest final block the same node reported.
    pub finalized_block: u64,
    pub cost: Cost,
}

impl Command<Nft> for ConfirmMint {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        nft.progress("confirm")?;
        must_be_final(&self.inclusion, self.finalized_block)?;
        Ok(vec![NftEvent::MintConfirmed {
            inclusion: self.inclusion.clone(),
            finalized_block: self.finalized_block,
            cost: self.cost.clone(),
        }])
    }
}

pub(super) fn must_be_final(inclusion: &Inclusion, finalized: u64) -> Result<(), NftError> {
    if inclusion.block_number <= finalized {
        Ok(())
    } else {
        Err(NftError::NotFinal { block: inclusion.block_number, finalized })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command(finalized_block: u64) -> ConfirmMint {
        ConfirmMint { inclusion: inclusion(), finalized_block, cost: cost() }
    }

    #[test]
    fn final_blocks_confirm() {
        for last in [assigned(), submitted(), included()] {
            given::<Nft>(until(&last)).when(command(9)).then_expect_events(vec![confirmed()]);
        }
    }

    #[test]
    fn a_block_that_may_still_go_away_does_not() {
        given::<Nft>(until(&included()))
            .when(command(8))
            .then_expect_error(NftError::NotFinal { block: 9, finalized: 8 });
        given::<Nft>(until(&pinned()))
            .when(command(9))
            .then_expect_error(NftError::IllegalState { state: "PINNED", command: "confirm" });
    }
}
