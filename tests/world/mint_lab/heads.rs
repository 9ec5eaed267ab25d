//! Heads of the ledger at the contracts, and approvals that are proven against them.

use ethers_core::utils::keccak256;
use serde_json::{Value, json};

use super::MintLab;
use crate::world::until;

/// Heads are anchored every second, as far as there is anything new.
pub const OFTEN: (&str, &str) = ("CASKCHAIN_CHAIN__ANCHOR_EVERY_S", "1");
/// The account that does nothing but anchor on a development chain.
pub const ANCHORER: &str = "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97";
/// Who may switch off there that approvals have to be proven.
pub const PROVING_ADMIN: &str = "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6";

impl MintLab {
    /// From now on the contract mints only what is proven to be approved, or no longer does.
    pub async fn require_approval(&self, admin: &str, contract: &str, required: bool) {
        let mut data = keccak256("setApprovalRequired(bool)")[..4].to_vec();
        data.extend([0; 31]);
        data.push(u8::from(required));
        self.send_as(admin, contract, data).await;
    }

    /// The same server again, from now on with heads that are anchored.
    pub async fn anchor_from_now_on(&mut self) {
        self.kill().await;
        // What the development chain still lacks is made as it starts.
        self.proxy.automine(true).await;
        self.start_again(&[OFTEN]).await;
        self.proxy.automine(false).await;
    }

    /// Size and root of the last head the contract has.
    pub async fn head(&self) -> (u64, String) {
        let selector = hex::encode(&keccak256("anchoredHead()")[..4]);
        let call = json!([{ "to": self.contract, "data": format!("0x{selector}") }, "latest"]);
        let answer = self.proxy.ask("eth_call", call).await;
        let words = answer.as_str().unwrap().trim_start_matches("0x").to_owned();
        (u64::from_str_radix(&words[48..64], 16).unwrap(), words[64..].to_owned())
    }

    /// Of the contract's own stream, in the log.
    pub async fn heads(&self, kind: &str) -> Vec<Value> {
        let events = self.events(kind).await.into_iter();
        let of = |event: &Value| event["aggregateId"].as_str().unwrap().to_lowercase();
        events.filter(|event| of(event).ends_with(&self.contract)).collect()
    }

    /// Mines until so many heads are at the contract for good.
    pub async fn until_anchored(&self, count: usize) -> Vec<Value> {
        until("heads are anchored", || async {
            self.proxy.mine(1).await;
            let anchored = self.heads("contract.anchor_confirmed").await;
            (anchored.len() >= count).then_some(anchored)
        })
        .await
    }

    /// The contract for tenants that want approvals proven.
    pub async fn proven_contract(&self) -> String {
        let network = self.isla.get("/api/v1/blockchain/networks").await.expect(200);
        network.data()[0]["provenContract"].as_str().unwrap().to_lowercase()
    }

    /// The tokens whose approval a contract has seen, with its position.
    pub async fn proven(&self, contract: &str) -> Vec<(String, i64)> {
        let topic = keccak256("CaskApprovalProven(uint256,uint64,bytes32)");
        let filter = json!([{
            "fromBlock": "0x0", "toBlock": "latest", "address": contract,
            "topics": [format!("0x{}", hex::encode(topic))],
        }]);
        let logs = self.proxy.ask("eth_getLogs", filter).await;
        let number = |text: &str| u128::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        let of = |log: &Value| {
            let token = number(log["topics"][1].as_str().unwrap()).to_string();
            let position = number(&log["data"].as_str().unwrap()[..66]);
            (token, i64::try_from(position).unwrap())
        };
        logs.as_array().unwrap().iter().map(of).collect()
    }
}
