//! The networks this process can ask, by name. One that is configured without a node is not among
//! them: tokens can be ordered there all the same.

use std::sync::Arc;

use crate::error::{CommandError, Dependency};
use crate::outside::chain::ChainError;
use crate::outside::gas_price::{GasPrice, Quote};
use crate::outside::readable_chain::ReadableChain;

pub struct AskedChain {
    pub chain: Arc<dyn ReadableChain>,
    gas_price: GasPrice,
}

#[derive(Default)]
pub struct Chains(Vec<AskedChain>);

impl Chains {
    pub fn new(chains: Vec<Arc<dyn ReadableChain>>) -> Self {
        let asked = |chain| AskedChain { chain, gas_price: GasPrice::default() };
        Self(chains.into_iter().map(asked).collect())
    }

    pub fn of(&self, chain_id: u64) -> Result<&AskedChain, CommandError> {
        let found = self.0.iter().find(|asked| asked.chain.chain_id() == chain_id);
        found.ok_or(CommandError::Unavailable(Dependency::Chain))
    }
}

impl AskedChain {
    pub async fn gas_price(&self) -> Result<Quote, CommandError> {
        self.gas_price.quote(self.chain.as_ref()).await.map_err(unreachable_chain)
    }
}

/// Whatever a chain fails with, for whoever only asks: it may do better later.
pub fn unreachable_chain(error: ChainError) -> CommandError {
    tracing::warn!(%error, "the chain cannot be asked");
    CommandError::Unavailable(Dependency::Chain)
}
