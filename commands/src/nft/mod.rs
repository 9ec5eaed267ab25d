//! Use cases around a cask's token.

mod generate;

use domain::nft::address::EvmAddress;
pub use generate::Generation;

/// Where tokens are minted and who holds them until their owner has a wallet.
#[derive(Clone, Debug)]
pub struct MintPolicy {
    pub network: String,
    pub chain_id: u64,
    pub contract: EvmAddress,
    /// The platform's own address, which holds tokens for people without one.
    pub custody: EvmAddress,
}
