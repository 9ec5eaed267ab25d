//! The verdict that no token came of a mint: as final as its opposite, and as well proven.

use super::confirm::must_be_final;
use super::{FailureClass, Inclusion, Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct FailMint {
    pub class: FailureClass,
    /// What the contract said against it, if it was asked in time.
    pub reason: Option<String>,
    pub evidence: Inclusion,
    pub finalized_block: u64,
}

impl Command<Nft> for FailMint {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        nft.progress("fail")?;
        must_be_final(&self.evidence, self.finalized_block)?;
        Ok(vec![NftEvent::MintFailed {
            class: self.class,
            reason: self.reason.clone(),
            evidence: Some(self.evidence.clone()),
            finalized_block: Some(self.finalized_block),
        }])
    }
}

/// An operator gives up what has no nonce yet.
pub struct AbandonMint;

impl Command<Nft> for AbandonMint {
    const REQUIRES: Permission = Permission::OPERATE_MINTS;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft {
            Nft::Requested { .. } | Nft::Pinned { .. } => Ok(vec![NftEvent::MintFailed {
                class: FailureClass::NeverSent,
                reason: None,
                evidence: None,
                finalized_block: None,
            }]),
            _ => Err(nft.illegal("abandon")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn command(finalized_block: u64) -> FailMint {
        FailMint {
            class: FailureClass::RevertedAtFinality,
            reason: Some("EnforcedPause()".into()),
            evidence: inclusion(),
            finalized_block,
        }
    }

    #[test]
    fn only_a_final_block_proves_failure() {
        given::<Nft>(until(&included())).when(command(9)).then_expect_events(vec![failed()]);
        given::<Nft>(until(&included()))
            .when(command(8))
            .then_expect_error(NftError::NotFinal { block: 9, finalized: 8 });
        given::<Nft>(until(&confirmed()))
            .when(command(9))
            .then_expect_error(NftError::IllegalState { state: "CONFIRMED", command: "fail" });
    }

    #[test]
    fn what_has_no_nonce_can_be_abandoned() {
        let never_sent = NftEvent::MintFailed {
            class: FailureClass::NeverSent,
            reason: None,
            evidence: None,
            finalized_block: None,
        };
        for last in [requested(), pinned()] {
            given::<Nft>(until(&last))
                .when(AbandonMint)
                .then_expect_events(vec![never_sent.clone()]);
        }
        given::<Nft>(until(&assigned()))
            .when(AbandonMint)
            .then_expect_error(NftError::IllegalState { state: "ASSIGNED", command: "abandon" });
    }
}
