//! Losing the nonce, to somebody else who has the signer's key or for the sake of a mint that shared
//! it: the mint waits for another.

use super::{Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct LoseMintSlot {
    pub nonce: u64,
    pub finalized_block: u64,
}

impl Command<Nft> for LoseMintSlot {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        nft.progress("lose its slot")?;
        let Self { nonce, finalized_block } = *self;
        Ok(vec![NftEvent::MintSlotLost { nonce, finalized_block }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn it_waits_for_a_nonce_again() {
        let lose = || LoseMintSlot { nonce: 3, finalized_block: 9 };
        for last in [assigned(), submitted(), included()] {
            given::<Nft>(until(&last)).when(lose()).then_expect_events(vec![slot_lost()]);
        }
        given::<Nft>([until(&submitted()), vec![slot_lost()]].concat())
            .when(lose())
            .then_expect_error(NftError::IllegalState {
                state: "PINNED",
                command: "lose its slot",
            });
    }
}
