//! The networks tokens are minted on: what is configured, and what is usual where nothing is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use commands::nft::{Chains, MintPolicies, MintPolicy};
use commands::outside::chain::{ChainError, FeeStyle, Signer};
use commands::outside::ethers;
use commands::outside::evm_network::{EvmNetwork, NetworkSettings};
use commands::outside::lane_signer::LaneSigner;
use commands::outside::readable_chain::ReadableChain;
use commands::outside::signers::policy::Policy;
use commands::outside::signers::{self, Guard, SignerSettings};
use commands::reactions::mint::MintingNetwork;
use domain::lane::MAX_MINTS;
use domain::nft::address::EvmAddress;

use crate::config::{ChainConfig, Config, ConfigError};
use crate::wiring::StartError;

const GWEI: u128 = 1_000_000_000;
/// Nodes promise an account no more places than these.
const IN_FLIGHT: usize = 16;
/// Tokens minted by one transaction, where so many wait: more save hardly any gas, and share their fate.
const MINTS_IN_ONE: usize = 25;

const SIGNATURES_PER_MINUTE: u32 = 1_000;

/// A question to a node is asked again so often, before all that was read is lost.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

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

    fn has_node(&self) -> bool {
        self.chain.rpc_url.is_some() || !self.chain.rpc_urls.is_empty()
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
            proven_contract: self.chain.proven_contract,
            custody: self.chain.custody.ok_or(ConfigError::Missing("chain.custody"))?,
            may_deploy: self.may_deploy()?,
        })
    }

    /// What mints there.
    async fn minting(&self) -> Result<MintingNetwork, StartError> {
        let network = EvmNetwork::new(self.settings()?).map_err(StartError::of)?;
        network.check_chain_id().await.map_err(StartError::of)?;
        let (signers, anchorer) = (self.signers().await?, self.anchorer().await?);
        must_be_another(anchorer.as_ref(), &signers)?;
        self.must_prove(anchorer.is_some())?;
        let policy = self.policy()?;
        Ok(MintingNetwork {
            chain: Arc::new(network),
            signers,
            anchorer,
            contracts: policy.contracts(),
            proven_contract: policy.proven_contract,
            in_flight: self.chain.in_flight.unwrap_or(IN_FLIGHT),
            mints_in_one: self.mints_in_one()?,
            may_deploy: self.may_deploy()?,
            anchor_every: self.chain.anchor_every_s.map(|s| Duration::from_secs(s.get())),
        })
    }

    /// Whether its keys make contracts: on a development chain, and where an operator says so.
    fn may_deploy(&self) -> Result<bool, ConfigError> {
        let development = self.chain_id()? == embedded::CHAIN_ID;
        Ok(self.chain.may_deploy.unwrap_or(development))
    }

    fn mints_in_one(&self) -> Result<usize, ConfigError> {
        let mints = self.chain.mints_in_one.unwrap_or(MINTS_IN_ONE);
        if (1..=MAX_MINTS).contains(&mints) {
            return Ok(mints);
        }
        let reason = format!("mints_in_one of a network is 1 to {MAX_MINTS}");
        Err(ConfigError::Unreadable(reason))
    }

    /// Proofs prove nothing if who mints may anchor, and there are none where nothing is anchored.
    fn must_prove(&self, has_anchorer: bool) -> Result<(), ConfigError> {
        match (self.chain.proven_contract, self.chain.anchor_every_s) {
            (Some(_), _) if !has_anchorer => {
                Err(ConfigError::Missing("chain.anchor_key, which chain.proven_contract wants,"))
            }
            (Some(_), None) => Err(ConfigError::Missing(
                "chain.anchor_every_s, which chain.proven_contract wants,",
            )),
            _ => Ok(()),
        }
    }

    /// Every key of the network, each with a guard of its own.
    async fn signers(&self) -> Result<Vec<Arc<dyn Signer>>, StartError> {
        let chain = self.chain;
        let keys = chain.signer_key.iter().chain(&chain.signer_keys).cloned();
        let elsewhere = chain.signer.iter().cloned().map(SignerSettings::from);
        let all: Vec<SignerSettings> = keys.map(SignerSettings::Key).chain(elsewhere).collect();
        if all.is_empty() {
            return Err(ConfigError::Missing("chain.signer_key").into());
        }
        let mut policy = self.signing_policy()?;
        policy.selectors = ethers::called_to_mint();
        if self.anchorer_settings()?.is_none() {
            policy.selectors.extend(ethers::called_to_anchor());
        }
        let mut signers = Vec::with_capacity(all.len());
        for settings in all {
            signers.push(guarded(settings, policy.clone()).await?);
        }
        Ok(signers)
    }

    /// The key that only anchors.
    async fn anchorer(&self) -> Result<Option<Arc<dyn Signer>>, StartError> {
        let Some(settings) = self.anchorer_settings()? else { return Ok(None) };
        let selectors = ethers::called_to_anchor();
        let policy = Policy { selectors, max_deployment_cost: None, ..self.signing_policy()? };
        guarded(settings, policy).await.map(Some)
    }

    fn anchorer_settings(&self) -> Result<Option<SignerSettings>, ConfigError> {
        match (&self.chain.anchor_key, &self.chain.anchor_signer) {
            (Some(_), Some(_)) => Err(ConfigError::Both("chain.anchor_key", "chain.anchor_signer")),
            (key, elsewhere) => Ok(key
                .clone()
                .map(SignerSettings::Key)
                .or_else(|| elsewhere.clone().map(SignerSettings::from))),
        }
    }

    /// What the keys may sign, but for the functions of the contracts: calls of these, and what gives a
    /// nonce up.
    fn signing_policy(&self) -> Result<Policy, ConfigError> {
        let max_fee_per_gas = self.settings()?.max_fee_wei;
        let gas = ethers::mints_gas_limit(self.mints_in_one()?).max(ethers::ANCHOR_GAS_LIMIT);
        Ok(Policy {
            chain_id: self.chain_id()?,
            contracts: self.chain.contract.into_iter().chain(self.chain.proven_contract).collect(),
            selectors: BTreeSet::new(),
            max_fee_per_gas,
            max_cost: max_fee_per_gas.saturating_mul(gas.into()),
            max_deployment_cost: self
                .may_deploy()?
                .then(|| max_fee_per_gas.saturating_mul(ethers::DEPLOYMENT_GAS_LIMIT.into())),
            per_minute: self.chain.signatures_per_minute.unwrap_or(SIGNATURES_PER_MINUTE),
        })
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
        networks.push(named.minting().await?);
    }
    Ok(networks)
}

/// A network that a contract is to be made on, which has none yet.
pub async fn deploying_network(
    config: &Config,
    name: Option<&str>,
) -> Result<MintingNetwork, StartError> {
    let named = all(config).find(|named| name.is_none_or(|wanted| wanted == named.name));
    let named = named.ok_or(ConfigError::Missing("a network of this name"))?;
    Ok(MintingNetwork { contracts: BTreeSet::new(), anchor_every: None, ..named.minting().await? })
}

/// The networks that can be read, without any key. A network without a
/// node is left out, so that a process that mints nothing begins all the same.
pub fn chains(config: &Config) -> Result<Chains, StartError> {
    let mut chains: Vec<Arc<dyn ReadableChain>> = Vec::new();
    for named in all(config).filter(Named::has_node) {
        let network = EvmNetwork::new(named.settings()?).map_err(StartError::of)?;
        chains.push(Arc::new(network));
    }
    Ok(Chains::new(chains))
}

/// The network for whoever names none, to be asked.
pub fn default_network(config: &Config) -> Result<EvmNetwork, StartError> {
    let named = Named { name: &config.chain.network, chain: &config.chain };
    EvmNetwork::new(named.settings()?).map_err(StartError::of)
}

/// A network by name, the configured one if none is wanted, and the contracts that mint there.
pub fn minting_contracts(
    config: &Config,
    name: Option<&str>,
) -> Result<(EvmNetwork, BTreeSet<EvmAddress>), StartError> {
    let named = all(config).find(|named| name.is_none_or(|wanted| wanted == named.name));
    let named = named.ok_or(ConfigError::Missing("a network of this name"))?;
    let network = EvmNetwork::new(named.settings()?).map_err(StartError::of)?;
    Ok((network, named.policy()?.contracts()))
}

/// A key with a guard of its own.
async fn guarded(settings: SignerSettings, policy: Policy) -> Result<Arc<dyn Signer>, StartError> {
    let chain_id = policy.chain_id;
    let key = signers::open(settings).await.map_err(StartError::of)?;
    let guard = Guard::new(key, policy, ethers::digest);
    Ok(Arc::new(LaneSigner::new(guard, chain_id)))
}

/// One account has one lane; and whoever mints and anchors can prove whatever they like.
fn must_be_another(
    anchorer: Option<&Arc<dyn Signer>>,
    minters: &[Arc<dyn Signer>],
) -> Result<(), ConfigError> {
    let same = |it: &Arc<dyn Signer>| minters.iter().any(|one| one.address() == it.address());
    match anchorer {
        Some(anchorer) if same(anchorer) => {
            let reason = "the account of chain.anchor_key mints as well";
            Err(ConfigError::Unreadable(reason.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Asks a few times: a node that is busy for a moment must not undo an hour's reading.
pub async fn again<T, F: Future<Output = Result<T, ChainError>>>(
    ask: impl Fn() -> F,
) -> Result<T, StartError> {
    let mut tries = 1;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if tries == TRIES => return Err(StartError::of(error)),
            Err(error) => eprintln!("asked again: {error}"),
        }
        tries += 1;
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// The accounts that mint on it.
pub async fn default_minters(config: &Config) -> Result<Vec<EvmAddress>, StartError> {
    let named = Named { name: &config.chain.network, chain: &config.chain };
    Ok(named.signers().await?.iter().map(|signer| signer.address()).collect())
}

/// The one that keeps the ledger's heads there, where it does nothing else.
pub async fn default_anchorer(config: &Config) -> Result<Option<EvmAddress>, StartError> {
    let named = Named { name: &config.chain.network, chain: &config.chain };
    Ok(named.anchorer().await?.map(|signer| signer.address()))
}

#[cfg(test)]
mod tests {
    use commands::outside::chain::{Fees, Spending};

    use super::*;

    const MINTER: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ANCHORER: &str = "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97";
    const CONTRACT: EvmAddress = EvmAddress::from_bytes([7; 20]);

    fn proving() -> ChainConfig {
        ChainConfig {
            network: "development".to_owned(),
            // Nobody answers there, and nobody has to.
            rpc_url: Some("http://127.0.0.1:9".to_owned()),
            signer_key: Some(MINTER.into()),
            anchor_key: Some(ANCHORER.into()),
            anchor_every_s: std::num::NonZeroU64::new(10),
            contract: Some(CONTRACT),
            proven_contract: Some(EvmAddress::from_bytes([8; 20])),
            custody: Some(CONTRACT),
            ..ChainConfig::default()
        }
    }

    async fn complaint(change: impl FnOnce(&mut ChainConfig)) -> Option<String> {
        let mut chain = proving();
        change(&mut chain);
        let named = Named { name: "development", chain: &chain };
        named.minting().await.err().map(|error| error.to_string())
    }

    #[tokio::test]
    async fn who_mints_by_a_contract_that_wants_proofs_does_not_anchor() {
        assert_eq!(complaint(|_| {}).await, None);
        let same = complaint(|chain| chain.anchor_key = Some(MINTER.into())).await.unwrap();
        assert!(same.contains("mints as well"), "{same}");
        let none = complaint(|chain| chain.anchor_key = None).await.unwrap();
        assert!(none.contains("chain.anchor_key"), "{none}");
        let never = complaint(|chain| chain.anchor_every_s = None).await.unwrap();
        assert!(never.contains("chain.anchor_every_s"), "{never}");
    }

    #[tokio::test]
    async fn each_key_signs_what_it_is_for() {
        let fees =
            Fees { style: FeeStyle::Dynamic, max_fee_per_gas: GWEI, max_priority_fee_per_gas: 0 };
        let anchor = Spending::Anchor { contract: CONTRACT, size: 1, root: [1; 32], proof: vec![] };
        let mints = Spending::Mints {
            contract: CONTRACT,
            mints: vec![commands::outside::chain::Mint {
                recipient: CONTRACT,
                token: domain::id::WhiskeyId::new(7),
                digest: [7; 32],
            }],
        };
        let chain = proving();
        let named = Named { name: "development", chain: &chain };
        let minter = named.signers().await.unwrap().remove(0);
        let anchorer = named.anchorer().await.unwrap().unwrap();
        assert!(minter.sign(0, &mints, fees).await.is_ok());
        assert!(minter.sign(0, &anchor, fees).await.is_err());
        assert!(anchorer.sign(0, &anchor, fees).await.is_ok());
        assert!(anchorer.sign(0, &mints, fees).await.is_err());
        // Where nobody else does, who mints anchors.
        let chain = ChainConfig { anchor_key: None, proven_contract: None, ..proving() };
        let named = Named { name: "development", chain: &chain };
        let minter = named.signers().await.unwrap().remove(0);
        assert!(minter.sign(0, &anchor, fees).await.is_ok());
    }
}
