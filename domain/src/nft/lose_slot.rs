//! Losing the nonce, to somebody else who has the signer's key, for the sake of a mint that shared it, or
//! together with those that shared it because they reverted: the mint waits for another.

use super::{Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct LoseMintSlot {
    pub nonce: u64,
    /// Those that shared it reverted together.
    pub reverted: bool,
    pub finalized_block: u64,
}

impl Command<Nft> for LoseMintSlot {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        nft.progress("lose its slot")?;
        let Self { nonce, reverted, finalized_block } = *self;
        Ok(vec![NftEvent::MintSlotLost { nonce, reverted, finalized_block }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn it_waits_for_a_nonce_again() {
        let lose = || LoseMintSlot { nonce: 3, reverted: false, finalized_block: 9 };
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

    #[test]
    fn whoever_reverted_in_company_goes_alone() {
        use cqrs_es::Aggregate;
        let after = |reverted| {
            let mut nft = Nft::default();
            let lost = NftEvent::MintSlotLost { nonce: 3, reverted, finalized_block: 9 };
            for event in [until(&submitted()), vec![lost]].concat() {
                nft.apply(event);
            }
            nft.goes_alone()
        };
        assert!(after(true) && !after(false));
    }
}
