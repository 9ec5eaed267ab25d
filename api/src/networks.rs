//! The networks tokens are minted on: what is configured, and what is usual where nothing is.

use std::sync::Arc;
use std::time::Duration;

use commands::nft::{MintPolicies, MintPolicy};
use commands::outside::chain::{Chain, FeeStyle, Signer};
use commands::outside::ethers::Account;
use commands::outside::evm_network::{EvmNetwork, NetworkSettings};
use commands::reactions::mint::MintingNetwork;

use crate::config::{ChainConfig, Config, ConfigError};
use crate::wiring::StartError;

const GWEI: u128 = 1_000_000_000;
/// Nodes promise an account no more places than these.
const IN_FLIGHT: usize = 16;

/// What is usual on a network.
struct Usual {
    name: &'static str,
    chain_id: u64,
    fees: FeeStyle,
    max_fee_gwei: u64,
    min_tip_gwei: u64,
    block_time_ms: u64,
}

const USUAL: [Usual; 4] = [
    Usual {
        name: "development",
        chain_id: embedded::CHAIN_ID,
        fees: FeeStyle::Dynamic,
        max_fee_gwei: 500,
        min_tip_gwei: 0,
        block_time_ms: 2_000,
    },
    Usual {
        name: "ethereum",
        chain_id: 1,
        fees: FeeStyle::Dynamic,
        max_fee_gwei: 500,
        min_tip_gwei: 0,
        block_time_ms: 12_000,
    },
    Usual {
        name: "polygon",
        chain_id: 137,
        fees: FeeStyle::Dynamic,
        max_fee_gwei: 2_000,
        // Its nodes take no smaller one.
        min_tip_gwei: 25,
        block_time_ms: 2_000,
    },
    Usual {
        name: "bsc",
        chain_id: 56,
        fees: FeeStyle::Legacy,
        max_fee_gwei: 50,
        min_tip_gwei: 1,
        block_time_ms: 750,
    },
];

/// A configured network with its name.
struct Named<'a> {
    name: &'a str,
    chain: &'a ChainConfig,
}

fn all(config: &Config) -> impl Iterator<Item = Named<'_>> {
    let default = Named { name: &config.chain.network, chain: &config.chain };
    let others = config.networks.iter().map(|(name, chain)| Named { name, chain });
    std::iter::once(default).chain(others)
}

impl Named<'_> {
    fn usual(&self) -> Option<&'static Usual> {
        USUAL.iter().find(|usual| usual.name == self.name)
    }

    fn chain_id(&self) -> Result<u64, ConfigError> {
        let usual = self.usual().map(|usual| usual.chain_id);
        self.chain.chain_id.or(usual).ok_or(ConfigError::Missing("chain_id of a network"))
    }

    fn settings(&self) -> Result<NetworkSettings, ConfigError> {
        let (chain, usual) = (self.chain, self.usual().unwrap_or(&USUAL[1]));
        let gwei = |configured: Option<u64>, usual| u128::from(configured.unwrap_or(usual)) * GWEI;
        let rpc_urls: Vec<String> = chain.rpc_url.iter().chain(&chain.rpc_urls).cloned().collect();
        if rpc_urls.is_empty() {
            return Err(ConfigError::Missing("chain.rpc_url"));
        }
        let fee_style = match chain.fees.as_deref() {
            None => usual.fees,
            Some("dynamic") => FeeStyle::Dynamic,
            Some("legacy") => FeeStyle::Legacy,
            Some(_) => {
                let reason = "fees of a network are \"dynamic\" or \"legacy\"";
                return Err(ConfigError::Unreadable(reason.to_owned()));
            }
        };
        Ok(NetworkSettings {
            name: self.name.to_owned(),
            chain_id: self.chain_id()?,
            rpc_urls,
            fee_style,
            max_fee_wei: gwei(chain.max_fee_gwei, usual.max_fee_gwei),
            min_tip_wei: gwei(chain.min_tip_gwei, usual.min_tip_gwei),
            block_time: Duration::from_millis(chain.block_time_ms.unwrap_or(usual.block_time_ms)),
        })
    }

    fn policy(&self) -> Result<MintPolicy, ConfigError> {
        Ok(MintPolicy {
            network: self.name.to_owned(),
            chain_id: self.chain_id()?,
            contract: self.chain.contract.ok_or(ConfigError::Missing("chain.contract"))?,
            custody: self.chain.custody.ok_or(ConfigError::Missing("chain.custody"))?,
        })
    }

    fn accounts(&self) -> Result<Vec<Account>, StartError> {
        let chain_id = self.chain_id()?;
        let keys = self.chain.signer_key.iter().chain(&self.chain.signer_keys);
        let accounts: Result<Vec<Account>, _> =
            keys.map(|key| Account::new(key, chain_id)).collect();
        accounts.map_err(StartError::of)
    }
}

/// Where tokens can be asked for.
pub fn mint_policies(config: &Config) -> Result<MintPolicies, ConfigError> {
    let mut policies = all(config).map(|named| named.policy());
    let default = policies.next().ok_or(ConfigError::Missing("chain"))??;
    Ok(MintPolicies::new(default, policies.collect::<Result<_, _>>()?))
}

/// What mints on all of them. A network whose nodes are on another chain is not begun with; one
/// that cannot be asked yet is: it is checked before anything is said to it.
pub async fn minting_networks(config: &Config) -> Result<Vec<MintingNetwork>, StartError> {
    let mut networks = Vec::new();
    for named in all(config) {
        let network = EvmNetwork::new(named.settings()?).map_err(StartError::of)?;
        network.check_chain_id().await.map_err(StartError::of)?;
        let signers: Vec<Arc<dyn Signer>> = named
            .accounts()?
            .into_iter()
            .map(|account| Arc::new(account) as Arc<dyn Signer>)
            .collect();
        if signers.is_empty() {
            return Err(ConfigError::Missing("chain.signer_key").into());
        }
        let chain: Arc<dyn Chain> = Arc::new(network);
        let in_flight = named.chain.in_flight.unwrap_or(IN_FLIGHT);
        let contract = named.policy()?.contract;
        networks.push(MintingNetwork { chain, signers, contract, in_flight });
    }
    Ok(networks)
}

/// The network for whoever names none, to be asked.
pub fn default_network(config: &Config) -> Result<EvmNetwork, StartError> {
    let named = Named { name: &config.chain.network, chain: &config.chain };
    EvmNetwork::new(named.settings()?).map_err(StartError::of)
}

/// The accounts that mint on it.
pub fn default_accounts(config: &Config) -> Result<Vec<Account>, StartError> {
    Named { name: &config.chain.network, chain: &config.chain }.accounts()
}
