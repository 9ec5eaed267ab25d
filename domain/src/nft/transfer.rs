//! Who holds the token, as the chain's final blocks tell it. A transfer of the token is not a
//! transfer of title: the cask's registered owner is the warehouse's word.

use serde::{Deserialize, Serialize};

use super::{EvmAddress, Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

/// Where a log stands in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPlace {
    pub tx_hash: String,
    pub block_number: u64,
    pub block_hash: String,
    pub log_index: u64,
}

impl LogPlace {
    /// What came first.
    pub const fn order(&self) -> (u64, u64) {
        (self.block_number, self.log_index)
    }
}

/// A transfer in a final block; to the zero address, a burn.
pub struct RecordTransfer {
    pub from: EvmAddress,
    pub to: EvmAddress,
    pub at: LogPlace,
}

impl Command<Nft> for RecordTransfer {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        let followed = match nft {
            Nft::Confirmed { followed, .. } => followed,
            Nft::Burned { .. } => return Ok(vec![]),
            _ => return Err(nft.illegal("record transfer")),
        };
        if followed.as_ref().is_some_and(|known| known.order() >= self.at.order()) {
            return Ok(vec![]);
        }
        let (from, to, at) = (self.from, self.to, self.at.clone());
        if to == EvmAddress::ZERO {
            return Ok(vec![NftEvent::TokenBurned { from, at }]);
        }
        Ok(vec![NftEvent::TokenTransferred { from, to, at }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn record(to: EvmAddress, log_index: u64) -> RecordTransfer {
        RecordTransfer { from: holder(), to, at: LogPlace { log_index, ..log_place() } }
    }

    fn buyer() -> EvmAddress {
        EvmAddress::parse("0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc").unwrap()
    }

    #[test]
    fn transfers_are_recorded_in_order_and_once() {
        given::<Nft>(until(&confirmed()))
            .when(record(buyer(), 4))
            .then_expect_events(vec![transferred()]);
        for known in [3, 4] {
            given::<Nft>([until(&confirmed()), vec![transferred()]].concat())
                .when(record(buyer(), known))
                .then_expect_events(vec![]);
        }
        given::<Nft>(until(&included())).when(record(buyer(), 4)).then_expect_error(
            NftError::IllegalState { state: "INCLUDED", command: "record transfer" },
        );
    }

    #[test]
    fn a_burn_is_the_end() {
        let burned = NftEvent::TokenBurned { from: holder(), at: log_place() };
        given::<Nft>(until(&confirmed()))
            .when(record(EvmAddress::ZERO, 4))
            .then_expect_events(vec![burned.clone()]);
        given::<Nft>([until(&confirmed()), vec![burned]].concat())
            .when(record(buyer(), 5))
            .then_expect_events(vec![]);
    }
}
