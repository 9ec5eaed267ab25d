//! Ethereum, Polygon and BSC side by side: each a chain of its own, with that network's id, fees and
//! pace, served by one process.

use std::sync::Arc;
use std::time::Duration;

use commands::outside::chain::FeeStyle;
use commands::outside::contract::{Rights, development_contract};
use commands::outside::ethers::Account;
use commands::outside::evm_network::{EvmNetwork, NetworkSettings};
use embedded::{Chain, ChainOptions, DataFolder, Progress};
use serde_json::{Value, json};

use crate::world::chain_proxy::ChainProxy;
use crate::world::mint_lab::{GWEI, MINTER};
use crate::world::{Server, World, until};

/// Makes the contracts; anvil's second account.
const DEPLOYER: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const CUSTODY: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

struct Network {
    name: &'static str,
    chain_id: u64,
    /// EIP-2718: what its transactions are.
    kind: &'static str,
    min_tip: u128,
    block_time: Duration,
}

const NETWORKS: [Network; 3] = [
    Network {
        name: "ethereum",
        chain_id: 1,
        kind: "0x2",
        min_tip: 0,
        block_time: Duration::from_secs(12),
    },
    Network {
        name: "polygon",
        chain_id: 137,
        kind: "0x2",
        min_tip: 25 * GWEI,
        block_time: Duration::from_secs(2),
    },
    Network {
        name: "bsc",
        chain_id: 56,
        kind: "0x0",
        min_tip: GWEI,
        block_time: Duration::from_secs(1),
    },
];

/// A network with its contract and its pace.
struct Running {
    network: &'static Network,
    proxy: ChainProxy,
    contract: String,
    _chain: Chain,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn start(network: &'static Network) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let quiet: Progress = Arc::new(|_: &str| {});
        let options = ChainOptions {
            heartbeat: false,
            chain_id: network.chain_id,
            ..ChainOptions::default()
        };
        let chain = Chain::start_with(&data, &quiet, options).await.unwrap();
        let contract = contract(&chain.url(), network).await;
        let proxy = ChainProxy::before(&chain.url()).await;
        proxy.automine(false).await;
        proxy.block_every(network.block_time).await;
        proxy.strict_with_tip(network.min_tip);
        Self { network, proxy, contract, _chain: chain, _folder: folder }
    }

    fn settings(&self) -> Vec<(String, String)> {
        let of = |name: &str| {
            format!("CASKCHAIN_NETWORKS__{}__{name}", self.network.name.to_uppercase())
        };
        vec![
            (of("RPC_URL"), self.proxy.url()),
            (of("CONTRACT"), self.contract.clone()),
            (of("CUSTODY"), CUSTODY.to_owned()),
            (of("SIGNER_KEY"), MINTER.to_owned()),
        ]
    }

    async fn transaction(&self, hash: &Value) -> Value {
        self.proxy.ask("eth_getTransactionByHash", json!([hash])).await
    }
}

/// Made by an account of its own, as an operator would.
async fn contract(url: &str, network: &Network) -> String {
    let settings = NetworkSettings {
        name: network.name.to_owned(),
        chain_id: network.chain_id,
        rpc_urls: vec![url.to_owned()],
        fee_style: FeeStyle::Dynamic,
        max_fee_wei: 500 * GWEI,
        min_tip_wei: 0,
        block_time: network.block_time,
    };
    let chain = EvmNetwork::new(settings).unwrap();
    let deployer = Account::new(&DEPLOYER.into(), network.chain_id).unwrap();
    let minter = Account::new(&MINTER.into(), network.chain_id).unwrap();
    let rights = Rights { minters: &[minter.address()], anchorers: &[], wants_proof: false };
    let made = development_contract(&chain, &deployer, rights).await;
    made.unwrap().to_string()
}

#[tokio::test]
async fn each_network_mints_with_its_own_id_fees_and_pace() {
    let world = World::new().await;
    let running = futures::future::join_all(NETWORKS.iter().map(Running::start)).await;
    let settings: Vec<(String, String)> = running.iter().flat_map(Running::settings).collect();
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let server = world.server_with(&settings).await;
    let minted = running.iter().map(|running| mint(&server, running));
    futures::future::join_all(minted).await;

    let isla = server.person("Isla").await;
    let elsewhere = json!({ "whiskeyId": isla.cask("E-1").await, "network": "gnosis" });
    let refused = isla.post("/api/v1/nfts/generate", elsewhere).await;
    refused.refused(400, "VALIDATION_ERROR");
}

async fn mint(server: &Server, running: &Running) {
    let Network { name, kind, min_tip, .. } = running.network;
    let (owner, keeper) = (server.person("Isla").await, server.administrator().await);
    let id = owner.cask(&format!("N-{name}")).await;
    keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
    let wanted = json!({ "whiskeyId": id, "network": name });
    owner.post("/api/v1/nfts/generate", wanted).await.expect(202);
    // Three blocks of the slowest take most of a minute.
    let nft = until(&format!("{name} has minted"), || async {
        let answer = owner.get(&format!("/api/v1/nfts/{id}")).await;
        let nft = answer.body["data"].clone();
        (nft["status"] == "CONFIRMED").then_some(nft)
    })
    .await;
    assert_eq!(nft["network"], *name);
    assert_eq!(nft["contract"], running.contract);
    let transaction = running.transaction(&nft["transaction"]["hash"]).await;
    assert_eq!(transaction["type"], *kind);
    let price = if *kind == "0x0" { "gasPrice" } else { "maxPriorityFeePerGas" };
    let price = transaction[price].as_str().unwrap().trim_start_matches("0x");
    assert!(u128::from_str_radix(price, 16).unwrap() >= *min_tip);
}
