//! What is seen of a mint before it is final: handed to the network, in a block, out of it again.

use super::{Inclusion, Nft, NftError, NftEvent, Progress};
use crate::command::Command;
use crate::permission::Permission;

pub struct RecordSubmission {
    pub tx_hash: String,
}

impl Command<Nft> for RecordSubmission {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft.progress("record submission")? {
            Progress::Waiting => {
                Ok(vec![NftEvent::MintSubmitted { tx_hash: self.tx_hash.clone() }])
            }
            Progress::Submitted | Progress::Included(_) => Ok(vec![]),
        }
    }
}

pub struct RecordInclusion {
    pub inclusion: Inclusion,
}

impl Command<Nft> for RecordInclusion {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        let included = || NftEvent::MintIncluded { inclusion: self.inclusion.clone() };
        match nft.progress("record inclusion")? {
            Progress::Waiting | Progress::Submitted => Ok(vec![included()]),
            Progress::Included(known) if *known == self.inclusion => Ok(vec![]),
            // Moved to another block: it left the one before it entered the other.
            Progress::Included(known) => {
                Ok(vec![NftEvent::MintReorged { inclusion: known.clone() }, included()])
            }
        }
    }
}

/// The block that held the transaction is no longer part of the chain: another one stands at its
/// height. That a node has no receipt proves nothing.
pub struct RecordReorg {
    pub gone: Inclusion,
}

impl Command<Nft> for RecordReorg {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft.progress("record reorganisation")? {
            Progress::Included(known) if *known == self.gone => {
                Ok(vec![NftEvent::MintReorged { inclusion: known.clone() }])
            }
            Progress::Waiting | Progress::Submitted | Progress::Included(_) => Ok(vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn gone() -> RecordReorg {
        RecordReorg { gone: inclusion() }
    }

    #[test]
    fn what_is_seen_is_recorded_once() {
        let submission = || RecordSubmission { tx_hash: inclusion().tx_hash };
        let seen = || RecordInclusion { inclusion: inclusion() };
        given::<Nft>(until(&assigned())).when(submission()).then_expect_events(vec![submitted()]);
        given::<Nft>(until(&submitted())).when(submission()).then_expect_events(vec![]);
        given::<Nft>(until(&submitted())).when(seen()).then_expect_events(vec![included()]);
        given::<Nft>(until(&included())).when(seen()).then_expect_events(vec![]);
    }

    #[test]
    fn a_block_that_is_gone_takes_the_inclusion_with_it() {
        let reorged = NftEvent::MintReorged { inclusion: inclusion() };
        given::<Nft>(until(&included())).when(gone()).then_expect_events(vec![reorged.clone()]);
        given::<Nft>(until(&submitted())).when(gone()).then_expect_events(vec![]);
        let another = Inclusion { block_hash: "0xbb".into(), ..inclusion() };
        given::<Nft>(until(&included()))
            .when(RecordReorg { gone: another })
            .then_expect_events(vec![]);

        let elsewhere = Inclusion { block_number: 10, block_hash: "0xba".into(), ..inclusion() };
        given::<Nft>(until(&included()))
            .when(RecordInclusion { inclusion: elsewhere.clone() })
            .then_expect_events(vec![reorged, NftEvent::MintIncluded { inclusion: elsewhere }]);
    }

    #[test]
    fn a_verdict_is_not_reopened() {
        given::<Nft>(until(&confirmed())).when(gone()).then_expect_error(NftError::IllegalState {
            state: "CONFIRMED",
            command: "record reorganisation",
        });
    }
}
