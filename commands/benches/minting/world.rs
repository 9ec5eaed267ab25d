//! The private services, a contract, and accounts that may mint.

use std::sync::Arc;
use std::time::Duration;

use api::config::Config;
use api::role::Role;
use api::wiring::Platform;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use commands::outside::chain::FeeStyle;
use commands::outside::contract::{Rights, development_contract};
use commands::outside::ethers::Account;
use commands::outside::evm_network::{EvmNetwork, NetworkSettings};
use domain::nft::address::EvmAddress;
use embedded::{Chain, ChainOptions, DataFolder, Nats, Postgres, PostgresOptions, Progress};
use eventstore::{Entropy, database};
use serde_json::json;

use crate::Shape;
use crate::node::Node;

const LOGIN: &str = "caskchain_bench";
const PASSWORD: &str = "bench";
const BLOCK_TIME: Duration = Duration::from_secs(1);
/// anvil's accounts have 10,000 coins each; keys made here are given as much.
const COINS: &str = "0x21e19e0c9bab2400000";

pub struct World {
    postgres: Postgres,
    nats: Nats,
    chain: Chain,
    pub folder: tempfile::TempDir,
    key: String,
    pub node: Node,
    pub network: EvmNetwork,
    pub contract: EvmAddress,
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = DataFolder::open(folder.path().join("services")).unwrap();
        let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
        let throw_away = PostgresOptions { throw_away: true };
        let options = ChainOptions { heartbeat: false, ..ChainOptions::default() };
        let (postgres, nats, chain) = tokio::try_join!(
            Postgres::start_with(&services, &progress, throw_away),
            Nats::start(&services, &progress),
            Chain::start_with(&services, &progress, options),
        )
        .unwrap();
        database::migrate(&postgres.url()).await.unwrap();
        database::ensure_login(&postgres.url(), LOGIN, PASSWORD).await.unwrap();
        let key = STANDARD.encode(Entropy::default().bytes::<32>().unwrap());
        let settings = NetworkSettings {
            name: "development".to_owned(),
            chain_id: embedded::CHAIN_ID,
            rpc_urls: vec![chain.url()],
            fee_style: FeeStyle::Dynamic,
            max_fee_wei: 500_000_000_000,
            min_tip_wei: 0,
            block_time: BLOCK_TIME,
        };
        let network = EvmNetwork::new(settings).unwrap();
        let node = Node::new(&chain.url());
        let contract = contract(&node, &network).await;
        node.ask("evm_setAutomine", json!([false])).await;
        node.ask("evm_setIntervalMining", json!([BLOCK_TIME.as_secs()])).await;
        Self { postgres, nats, chain, folder, key, node, network, contract }
    }

    pub async fn stop(mut self) {
        self.nats.stop().await.unwrap();
        self.chain.stop().await.unwrap();
        self.postgres.stop().await.unwrap();
    }

    /// A process with these roles that mints like that.
    pub async fn platform(&self, roles: &[Role], shape: Shape) -> Platform {
        let owner = self.postgres.url();
        let (_, place) = owner.rsplit_once('@').unwrap();
        let mut config = Config::read(None).unwrap();
        config.data_folder = self.folder.path().join("server");
        config.database_url = Some(format!("postgres://{LOGIN}:{PASSWORD}@{place}").into());
        config.nats_url = Some(self.nats.url().into());
        config.key_encryption_key = Some(self.key.clone().into());
        let chain = &mut config.chain;
        chain.rpc_url = Some(self.chain.url());
        chain.contract = Some(self.contract);
        chain.custody = Some(self.contract);
        chain.signer_keys = keys(OURS, shape.lanes).into_iter().map(Into::into).collect();
        chain.block_time_ms = Some(u64::try_from(BLOCK_TIME.as_millis()).unwrap());
        // The development chain promises an account more places than others do.
        chain.in_flight = Some(1_000);
        chain.mints_in_one = Some(shape.together);
        chain.signatures_per_minute = Some(1_000_000);
        Platform::start(&config, roles).await.unwrap()
    }

    pub fn accounts_for_limit(&self, lanes: usize) -> Vec<Account> {
        accounts(LIMIT, lanes)
    }
}

/// Where the keys of those begin who mint for us, and of those who show the limit.
const OURS: u8 = 0x11;
const LIMIT: u8 = 0x51;
const LANES: usize = 4;

fn keys(first: u8, count: usize) -> Vec<String> {
    (first..).take(count).map(|byte| hex::encode([byte; 32])).collect()
}

fn accounts(first: u8, count: usize) -> Vec<Account> {
    let keys = keys(first, count).into_iter();
    keys.map(|key| Account::new(&key.into(), embedded::CHAIN_ID).unwrap()).collect()
}

async fn contract(node: &Node, network: &EvmNetwork) -> EvmAddress {
    let deployer = Account::new(&hex::encode([0x91; 32]).into(), embedded::CHAIN_ID).unwrap();
    let mut minters: Vec<EvmAddress> = Vec::new();
    for account in accounts(OURS, LANES).iter().chain(&accounts(LIMIT, LANES)) {
        minters.push(account.address());
    }
    for account in minters.iter().chain([&deployer.address()]) {
        node.ask("anvil_setBalance", json!([account.to_string(), COINS])).await;
    }
    let rights = Rights { minters: &minters, anchorers: &[], wants_proof: false };
    development_contract(network, &deployer, rights).await.unwrap()
}
