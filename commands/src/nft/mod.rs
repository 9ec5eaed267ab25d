//! Use cases around a cask's token.

mod adopt;
mod cancel;
pub mod chains;
mod generate;
mod hold;
mod lanes;
pub mod ownership;
pub mod reconcile;
mod retry;

use std::collections::BTreeSet;

pub use cancel::GivenUp;
pub use chains::Chains;
use domain::nft::address::EvmAddress;
pub use generate::Generation;
pub use lanes::ShownLane;

/// Where tokens are minted.
#[derive(Clone, Debug)]
pub struct MintPolicies(Vec<MintPolicy>);

impl MintPolicies {
    /// The first is the one for whoever names none.
    pub fn new(default: MintPolicy, others: Vec<MintPolicy>) -> Self {
        Self(std::iter::once(default).chain(others).collect())
    }

    /// The network of this name; the first if none is wanted.
    pub fn of(&self, network: Option<&str>) -> Option<&MintPolicy> {
        self.0.iter().find(|policy| network.is_none_or(|wanted| wanted == policy.network))
    }

    pub fn all(&self) -> &[MintPolicy] {
        &self.0
    }

    /// Those where a tenant may want each approval proven, by name.
    pub fn proving(&self) -> Vec<&str> {
        let proving = self.0.iter().filter(|policy| policy.proven_contract.is_some());
        proving.map(|policy| policy.network.as_str()).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|policy| policy.network.as_str()).collect()
    }
}

/// One network, and who holds tokens there until their owner has a wallet.
#[derive(Clone, Debug)]
pub struct MintPolicy {
    pub network: String,
    pub chain_id: u64,
    pub contract: EvmAddress,
    /// The one that mints only what is proven to be approved, for tenants that want that.
    pub proven_contract: Option<EvmAddress>,
    /// The platform's own address, which holds tokens for people without one.
    pub custody: EvmAddress,
    /// Whether contracts are made there.
    pub may_deploy: bool,
}

impl MintPolicy {
    /// One, or two; they may be the same.
    pub fn contracts(&self) -> BTreeSet<EvmAddress> {
        std::iter::once(self.contract).chain(self.proven_contract).collect()
    }
}
