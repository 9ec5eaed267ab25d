//! A world whose chain makes a block when it is told to, behind a proxy that can be told to fail.

mod heads;
mod unguarded;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use embedded::ChainOptions;
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Address, Bytes, Eip1559TransactionRequest};
use ethers_core::utils::keccak256;
use ethers_signers::{LocalWallet, Signer as _};
use rustix::process::Signal;
use serde_json::{Value, json};

pub use self::heads::{ANCHORER, OFTEN, PROVING_ADMIN};
use super::chain_proxy::ChainProxy;
use super::chain_proxy::transaction::Transaction;
use super::{Person, Server, World, is_alive, until};

/// The account that mints on a development chain, and the one that made the contract.
pub const MINTER: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
pub const ADMIN: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
pub const GWEI: u128 = 1_000_000_000;
pub const NETWORK: &str = "/api/v1/blockchain/networks/development";
/// Transfer(address,address,uint256), the log of every movement of a token.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

pub struct MintLab {
    pub world: World,
    pub proxy: ChainProxy,
    pub server: Server,
    pub isla: Person,
    pub keeper: Person,
    pub contract: String,
}

impl MintLab {
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        Self::built(settings, false).await.0
    }

    /// With another node of the same chain, which can be told to fail by itself.
    pub async fn with_two_nodes() -> (Self, ChainProxy) {
        let (lab, other) = Self::built(&[], true).await;
        (lab, other.unwrap())
    }

    async fn built(settings: &[(&str, &str)], two_nodes: bool) -> (Self, Option<ChainProxy>) {
        // Four blocks later a block is final.
        let options =
            ChainOptions { heartbeat: false, slots_in_an_epoch: 2, ..ChainOptions::default() };
        let world = World::with_chain(options).await;
        let proxy = ChainProxy::before(&world.chain.url()).await;
        let other = match two_nodes {
            true => Some(ChainProxy::before(&world.chain.url()).await),
            false => None,
        };
        let others = other.as_ref().map(|other| format!("[\"{}\"]", other.url()));
        let url = proxy.url();
        let mut all = Self::hurried(&url);
        all.extend(others.as_deref().map(|others| ("CASKCHAIN_CHAIN__RPC_URLS", others)));
        all.extend_from_slice(settings);
        let server = world.server_with(&all).await;
        proxy.automine(false).await;
        let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
        let contract = Self::contract_of(&proxy).await;
        (Self { world, proxy, server, isla, keeper, contract }, other)
    }

    /// A worker that loses no time: blocks come when they are told to.
    fn hurried(url: &str) -> Vec<(&str, &str)> {
        vec![("CASKCHAIN_CHAIN__RPC_URL", url), ("CASKCHAIN_CHAIN__BLOCK_TIME_MS", "200")]
    }

    /// The first transaction of the chain made it.
    async fn contract_of(proxy: &ChainProxy) -> String {
        let block = proxy.ask("eth_getBlockByNumber", json!(["0x1", false])).await;
        let receipt = proxy.ask("eth_getTransactionReceipt", json!([block["transactions"][0]]));
        receipt.await["contractAddress"].as_str().unwrap().to_owned()
    }

    /// Another process that does nothing but mint.
    pub fn worker(&self, number: usize) -> Server {
        let folder = self.world.data_folder().with_file_name(format!("worker-{number}"));
        Server::start_as("serve --roles minting", &folder, &self.settings())
    }

    /// kill -9, and the same server again.
    pub async fn kill_and_restart(&mut self, settings: &[(&str, &str)]) {
        self.kill().await;
        self.start_again(settings).await;
    }

    /// kill -9.
    pub async fn kill(&self) {
        self.server.signal(Signal::KILL);
        let pid = self.server.pid;
        until("the server is dead", || async { (!is_alive(pid)).then_some(()) }).await;
    }

    /// The same server again, for people who stay signed in.
    pub async fn start_again(&mut self, settings: &[(&str, &str)]) {
        let url = self.proxy.url();
        let mut all = Self::hurried(&url);
        all.extend_from_slice(settings);
        self.server = self.world.server_with(&all).await;
        self.isla = self.isla.at(&self.server.url);
        self.keeper = self.keeper.at(&self.server.url);
    }

    /// A cask that may have a token.
    pub async fn approved(&self, number: &str) -> String {
        let id = self.isla.cask(number).await;
        self.keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
        id
    }

    /// A cask whose token was asked for.
    pub async fn ordered(&self, number: &str) -> String {
        let id = self.approved(number).await;
        self.isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": id })).await.expect(202);
        id
    }

    pub async fn status(&self, id: &str) -> String {
        let answer = self.isla.get(&format!("/api/v1/nfts/{id}")).await;
        answer.body["data"]["status"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn until_status(&self, id: &str, status: &str) -> Value {
        until(&format!("the NFT is {status}"), || async {
            let answer = self.isla.get(&format!("/api/v1/nfts/{id}")).await;
            let nft = answer.body["data"].clone();
            (nft["status"] == status).then_some(nft)
        })
        .await
    }

    /// Mines until the token has a status.
    pub async fn mined_until(&self, id: &str, status: &str) -> Value {
        until(&format!("the NFT is {status}"), || async {
            self.proxy.mine(1).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let answer = self.isla.get(&format!("/api/v1/nfts/{id}")).await;
            let nft = answer.body["data"].clone();
            (nft["status"] == status).then_some(nft)
        })
        .await
    }

    /// What the minter has sent, by nonce, in the order it came.
    pub fn sent_for(&self, nonce: u64) -> Vec<Transaction> {
        let sent = self.proxy.sent().into_iter().filter_map(|sent| sent.transaction);
        let mut of_nonce: Vec<Transaction> = Vec::new();
        for transaction in sent.filter(|it| it.nonce == nonce && it.sender == minter()) {
            if of_nonce.iter().all(|known| known.hash != transaction.hash) {
                of_nonce.push(transaction);
            }
        }
        of_nonce
    }

    /// Waits until the minter has sent so many different transactions for a nonce.
    pub async fn until_sent(&self, nonce: u64, count: usize) -> Vec<Transaction> {
        until("the minter sends", || async {
            let sent = self.sent_for(nonce);
            (sent.len() >= count).then_some(sent)
        })
        .await
    }

    /// Waits until the minter has sent what spends a nonce on nothing. A slow machine may have outbid
    /// the mint before.
    pub async fn until_cancel_sent(&self, nonce: u64) {
        until("the minter sends what spends the nonce on nothing", || async {
            let signed = self.events("lane.attempt_signed").await;
            let cancel = signed.iter().find(|event| {
                let data = &event["data"];
                data["nonce"] == nonce && data["attempt"]["kind"] == "cancel"
            })?;
            let hash = cancel["data"]["attempt"]["txHash"].as_str()?;
            self.sent_for(nonce).iter().any(|sent| sent.hash == hash).then_some(())
        })
        .await;
    }

    /// How many tokens the contract has made, by token.
    pub async fn tokens(&self) -> BTreeMap<String, usize> {
        self.tokens_of(&self.contract).await
    }

    /// The same of another contract.
    pub async fn tokens_of(&self, contract: &str) -> BTreeMap<String, usize> {
        let filter = json!([{
            "fromBlock": "0x0", "toBlock": "latest", "address": contract,
            "topics": [TRANSFER, format!("0x{:064x}", 0)],
        }]);
        let logs = self.proxy.ask("eth_getLogs", filter).await;
        let mut tokens = BTreeMap::new();
        for log in logs.as_array().unwrap() {
            let token = log["topics"][3].as_str().unwrap().trim_start_matches("0x");
            let token = u128::from_str_radix(token, 16).unwrap().to_string();
            *tokens.entry(token).or_default() += 1;
        }
        tokens
    }

    /// The chain and the log say the same: each of these tokens once, no other, no nonce between
    /// them unused, and nothing was ever sent that is not in the log.
    pub async fn chain_equals_log(&self, ids: &[String]) {
        self.world.log_is_lawful().await;
        let tokens = self.tokens().await;
        assert!(tokens.values().all(|count| *count == 1), "minted twice: {tokens:?}");
        let expected: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(tokens.keys().collect::<BTreeSet<_>>(), expected);
        let signed = self.signed().await;
        for sent in self.proxy.sent() {
            if sent.transaction.as_ref().is_some_and(|it| it.sender == minter()) {
                assert!(signed.contains(&sent.raw), "sent, and not in the log: {sent:?}");
            }
        }
        let count = self.proxy.ask("eth_getTransactionCount", json!([minter(), "latest"])).await;
        let count = u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16);
        assert_eq!(usize::try_from(count.unwrap()).unwrap(), self.assigned().await);
    }

    /// Every signed transaction of the log.
    async fn signed(&self) -> BTreeSet<String> {
        self.events("lane.attempt_signed")
            .await
            .iter()
            .map(|event| event["data"]["attempt"]["raw"].as_str().unwrap().to_owned())
            .collect()
    }

    /// How many nonces the minter's lane has given.
    async fn assigned(&self) -> usize {
        let lane = |event: &Value| event["aggregateId"].as_str().unwrap().to_lowercase();
        let assigned = self.events("lane.nonce_assigned").await.into_iter();
        assigned.filter(|event| lane(event).ends_with(&minter())).count()
    }

    pub async fn events(&self, kind: &str) -> Vec<Value> {
        let log = self.world.log().await;
        log.iter()
            .map(|(_, envelope)| serde_json::from_str::<Value>(envelope).unwrap())
            .filter(|event| event["type"] == kind)
            .collect()
    }

    /// No nonce is given until it is resumed. There has to have been a mint before.
    pub async fn pause(&self) {
        let reason = json!({ "reason": "the node is moved" });
        let paused = self.keeper.post(&format!("{NETWORK}/pause"), reason).await.expect(200);
        assert_eq!(paused.data()[0]["gate"], "paused");
    }

    pub async fn resume(&self) {
        let resumed = self.keeper.post(&format!("{NETWORK}/resume"), json!({})).await.expect(200);
        assert_eq!(resumed.data()[0]["gate"], "open");
    }

    /// Grants the minter its role, or takes it away.
    pub async fn let_mint(&self, allowed: bool) {
        self.let_mint_as(MINTER, allowed).await;
    }

    /// The same for the account of any key.
    pub async fn let_mint_as(&self, key: &str, allowed: bool) {
        self.grant(key, "MINTER_ROLE", allowed).await;
    }

    /// Grants a role of the contract to the account of a key, or takes it away.
    pub async fn grant(&self, key: &str, role: &str, allowed: bool) {
        self.grant_at((ADMIN, &self.contract), key, role, allowed).await;
    }

    /// By the administrator of another contract.
    pub async fn grant_at(
        &self,
        (admin, contract): (&str, &str),
        key: &str,
        role: &str,
        allowed: bool,
    ) {
        let function = if allowed { "grantRole" } else { "revokeRole" };
        let function = keccak256(format!("{function}(bytes32,address)"));
        let wallet: LocalWallet = key.parse().unwrap();
        let mut data = function[..4].to_vec();
        data.extend(keccak256(role));
        data.extend([0; 12]);
        data.extend(wallet.address().0);
        self.send_as(admin, contract, data).await;
    }

    /// Its holder gives a token away.
    pub async fn transfer(&self, key: &str, from: &str, to: &str, token: &str) {
        let mut data = keccak256("transferFrom(address,address,uint256)")[..4].to_vec();
        for address in [from, to] {
            data.extend([0; 12]);
            data.extend(address.parse::<Address>().unwrap().0);
        }
        data.extend(word(token.parse().unwrap()));
        self.send_as(key, &self.contract, data).await;
    }

    /// The minter's key makes a token behind everybody's back.
    pub async fn mint_behind(&self, token: u128) {
        self.mint_behind_as(MINTER, token).await;
    }

    /// From now on the contract makes whatever token it is told to, by whomever, as often as it is told.
    pub async fn take_the_guard_away(&self) {
        let code = unguarded::code();
        self.proxy.ask("anvil_setCode", json!([self.contract, code])).await;
    }

    /// Somebody else's key does.
    pub async fn mint_behind_as(&self, key: &str, token: u128) {
        self.mint_to(key, &self.contract, token, [7; 32]).await;
    }

    /// A key makes a token of a document, for somebody.
    pub async fn mint_to(&self, key: &str, to: &str, token: u128, digest: [u8; 32]) {
        self.mint_by(&self.contract, key, to, token, digest).await;
    }

    /// The same by any contract. Gives the transaction, whatever became of it.
    pub async fn mint_by(
        &self,
        contract: &str,
        key: &str,
        to: &str,
        token: u128,
        digest: [u8; 32],
    ) -> String {
        let mut data = keccak256("mint(address,uint256,bytes32)")[..4].to_vec();
        data.extend([0; 12]);
        data.extend(to.parse::<Address>().unwrap().0);
        data.extend(word(token));
        data.extend(digest);
        self.send_as(key, contract, data).await
    }

    /// The settings of this lab's processes, for a command of the binary.
    pub fn settings(&self) -> Vec<(String, String)> {
        let (url, kek) = (self.proxy.url(), self.server.key_encryption_key());
        let mut settings = Self::hurried(&url);
        settings.extend([
            ("CASKCHAIN_KEY_ENCRYPTION_KEY", kek.as_str()),
            ("CASKCHAIN_CHAIN__SIGNER_KEY", MINTER),
            ("CASKCHAIN_CHAIN__CONTRACT", self.contract.as_str()),
            ("CASKCHAIN_CHAIN__CUSTODY", self.contract.as_str()),
        ]);
        self.world.settings(&settings)
    }

    /// Sends a transaction of an account behind everybody's back, and mines it.
    pub async fn send_as(&self, key: &str, to: &str, data: Vec<u8>) -> String {
        let wallet: LocalWallet = key.parse().unwrap();
        let wallet = wallet.with_chain_id(embedded::CHAIN_ID);
        let from = format!("{:#x}", wallet.address());
        let nonce = self.proxy.ask("eth_getTransactionCount", json!([from, "latest"])).await;
        let nonce = u64::from_str_radix(nonce.as_str().unwrap().trim_start_matches("0x"), 16);
        let request = Eip1559TransactionRequest::new()
            .chain_id(embedded::CHAIN_ID)
            .to(to.parse::<Address>().unwrap())
            .nonce(nonce.unwrap())
            .gas(300_000)
            .max_fee_per_gas(400 * GWEI)
            .max_priority_fee_per_gas(100 * GWEI)
            .data(data);
        let transaction = TypedTransaction::Eip1559(request);
        let signature = wallet.sign_transaction_sync(&transaction).unwrap();
        let raw: Bytes = transaction.rlp_signed(&signature);
        let hash = self.proxy.ask("eth_sendRawTransaction", json!([raw.to_string()])).await;
        self.proxy.mine(1).await;
        hash.as_str().unwrap().to_owned()
    }
}

/// A number as a contract takes it.
pub fn word(number: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

/// The address of the account that mints.
pub fn minter() -> String {
    let wallet: LocalWallet = MINTER.parse().unwrap();
    format!("{:#x}", wallet.address())
}
