//! Taking a token that is on the chain for the one that waits here: its mint is not in the log, because
//! the log was lost with it. It has to stand for the very document that is waiting.

use super::address::EvmAddress;
use super::confirm::must_be_final;
use super::{HoldReason, Inclusion, Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct AdoptMint {
    pub inclusion: Inclusion,
    pub finalized_block: u64,
    /// Who it was minted to.
    pub recipient: EvmAddress,
    /// Of the document it stands for, as the contract has it.
    pub digest: String,
}

impl Command<Nft> for AdoptMint {
    const REQUIRES: Permission = Permission::OPERATE_MINTS;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        let Nft::Pinned { digest, held: Some(HoldReason::AlreadyOnChain), .. } = nft else {
            return Err(nft.illegal("adopt"));
        };
        if *digest != self.digest {
            return Err(NftError::OtherDocument);
        }
        must_be_final(&self.inclusion, self.finalized_block)?;
        Ok(vec![NftEvent::MintAdopted {
            inclusion: self.inclusion.clone(),
            finalized_block: self.finalized_block,
            recipient: self.recipient,
            digest: self.digest.clone(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn adopt(digest: &str) -> AdoptMint {
        let NftEvent::MintAdopted { inclusion, finalized_block, recipient, .. } = adopted() else {
            unreachable!("the sample is one of these")
        };
        AdoptMint { inclusion, finalized_block, recipient, digest: digest.to_owned() }
    }

    fn on_chain() -> NftEvent {
        NftEvent::MintHeld { reason: HoldReason::AlreadyOnChain, detail: "digest ab".into() }
    }

    #[test]
    fn a_token_that_stands_for_the_same_document_is_the_one_that_waits() {
        let held = [until(&pinned()), vec![on_chain()]].concat();
        given::<Nft>(held.clone())
            .when(adopt(&"ab".repeat(32)))
            .then_expect_events(vec![adopted()]);
        given::<Nft>(held.clone())
            .when(adopt(&"ac".repeat(32)))
            .then_expect_error(NftError::OtherDocument);
        let early = AdoptMint { finalized_block: 8, ..adopt(&"ab".repeat(32)) };
        given::<Nft>(held)
            .when(early)
            .then_expect_error(NftError::NotFinal { block: 9, finalized: 8 });
    }

    #[test]
    fn what_may_still_be_minted_here_is_not_adopted() {
        for (events, state) in [
            (until(&pinned()), "PINNED"),
            ([until(&pinned()), vec![held()]].concat(), "HELD"),
            (until(&assigned()), "ASSIGNED"),
            (until(&confirmed()), "CONFIRMED"),
        ] {
            given::<Nft>(events)
                .when(adopt(&"ab".repeat(32)))
                .then_expect_error(NftError::IllegalState { state, command: "adopt" });
        }
    }
}
