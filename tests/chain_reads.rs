//! What can be asked of the networks: how far they are, what gas costs, what became of a transaction,
//! and whose tokens there are.

use serde_json::{Value, json};

use crate::world::mint_lab::MintLab;
use crate::world::{Person, Server, World, calm, until};

fn wei(quote: &Value, name: &str) -> u128 {
    quote[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn networks_and_gas_prices_are_told_as_far_as_the_chain_answers() {
    let lab = MintLab::new(&[]).await;
    let gas = "/api/v1/blockchain/gas-price?network=development";
    lab.proxy.away(true);
    lab.isla.get(gas).await.refused(503, "CHAIN_UNAVAILABLE");
    let shown = lab.isla.get("/api/v1/blockchain/networks").await.expect(200);
    let network = &shown.data()[0];
    assert_eq!((&network["name"], &network["chainId"]), (&json!("development"), &json!(31_337)));
    assert_eq!(network["contract"], lab.contract.to_lowercase());
    assert_eq!((&network["latestBlock"], &network["lanes"]), (&Value::Null, &Value::Null));
    lab.proxy.away(false);
    let quote = until("there is a quote", || async {
        let answer = lab.isla.get(gas).await;
        (answer.status == 200).then(|| answer.data().clone())
    })
    .await;
    assert_eq!(wei(&quote, "maxFee"), 2 * wei(&quote, "base") + wei(&quote, "tip"));
    assert_eq!(wei(&quote, "cap"), 500_000_000_000);
    // The same quote serves many, and somebody who cannot be asked does not take it back.
    lab.proxy.away(true);
    let again = lab.isla.get(gas).await.expect(200).data().clone();
    assert_eq!(again["maxFee"], quote["maxFee"]);
    assert!(again["ageMs"].as_u64() >= quote["ageMs"].as_u64());
    lab.proxy.away(false);
    let network = until("the network answers", || async {
        let shown = lab.isla.get("/api/v1/blockchain/networks").await.expect(200);
        Some(shown.data()[0].clone()).filter(|network| network["latestBlock"].is_u64())
    })
    .await;
    assert!(network["latestBlock"].as_u64() >= network["finalBlock"].as_u64());
    assert_eq!(
        (&network["feeStyle"], &network["finality"]),
        (&json!("dynamic"), &json!("finalized"))
    );
    let elsewhere = "/api/v1/blockchain/gas-price?network=gnosis";
    lab.isla.get(elsewhere).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_transaction_that_is_not_ours_is_told_as_the_chain_tells_it() {
    let lab = MintLab::new(&[]).await;
    let path = |hash: &str| format!("/api/v1/blockchain/transaction/{hash}");
    let block = lab.proxy.ask("eth_getBlockByNumber", json!(["0x1", false])).await;
    let deployment = block["transactions"][0].as_str().unwrap();
    let seen = lab.isla.get(&path(deployment)).await.expect(200).data().clone();
    assert_eq!((&seen["status"], &seen["to"]), (&json!("SUCCEEDED"), &Value::Null));
    assert_eq!((&seen["block"]["number"], &seen["signed"]), (&json!(1), &Value::Null));
    assert_eq!(seen["isFinal"], false);
    lab.proxy.mine(6).await;
    let seen = lab.isla.get(&path(deployment)).await.expect(200).data().clone();
    assert_eq!(seen["isFinal"], true);
    lab.isla.get(&path(&format!("0x{}", "ab".repeat(32)))).await.refused(404, "NOT_FOUND");
    for bad in ["0x", "1", &"ab".repeat(33), &format!("0x{}", "zz".repeat(32))] {
        lab.isla.get(&path(bad)).await.refused(400, "VALIDATION_ERROR");
    }
    // One that waits for a block.
    let id = lab.ordered("T-1").await;
    lab.until_status(&id, "SUBMITTED").await;
    let hash = lab.until_sent(0, 1).await[0].hash.clone();
    let waiting = until("a node knows the transaction", || async {
        let seen = lab.isla.get(&path(&hash)).await.expect(200).data().clone();
        (seen["status"] == "PENDING").then_some(seen)
    })
    .await;
    assert_eq!((&waiting["block"], &waiting["signed"]["tokenIds"][0]), (&Value::Null, &json!(id)));
}

#[tokio::test]
async fn a_process_without_a_node_answers_everything_else() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let kek = server.key_encryption_key();
    let address = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
    let mut settings = world.settings(&[
        ("CASKCHAIN_KEY_ENCRYPTION_KEY", &kek),
        ("CASKCHAIN_CHAIN__CONTRACT", address),
        ("CASKCHAIN_CHAIN__CUSTODY", address),
        ("CASKCHAIN_CHAIN__CHAIN_ID", "31337"),
    ]);
    settings.retain(|(name, _)| name != "CASKCHAIN_CHAIN__RPC_URL");
    let folder = world.data_folder().with_file_name("answering");
    let answering = Server::start_as("serve --roles api", &folder, &settings);
    answering.until_ready().await;
    let isla = isla.at(&answering.url);
    isla.get("/api/v1/users/me").await.expect(200);
    let shown = isla.get("/api/v1/blockchain/networks").await.expect(200);
    assert_eq!(shown.data()[0]["latestBlock"], Value::Null);
    let hash = format!("/api/v1/blockchain/transaction/0x{}", "ab".repeat(32));
    for path in ["/api/v1/blockchain/gas-price", &hash] {
        let answer = isla.get(path).await.refused(503, "CHAIN_UNAVAILABLE");
        assert_ne!(answer.header("retry-after"), "");
    }
}

async fn minted(owner: &Person, keeper: &Person, number: &str) -> String {
    let id = owner.cask(number).await;
    keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
    owner.post("/api/v1/nfts/generate", json!({ "whiskeyId": id })).await.expect(202);
    id
}

#[tokio::test]
async fn a_person_s_tokens_are_theirs_to_see_and_the_warehouse_s() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let stranger = server.person("Finlay").await;
    let mut ids = vec![minted(&isla, &keeper, "U-1").await, minted(&isla, &keeper, "U-2").await];
    ids.reverse();
    let owner = isla.id().await;
    let path = |who: &str| format!("/api/v1/nfts/user/{who}");
    let seen = until("both are listed", || async {
        let seen = isla.get(&path("me")).await.expect(200);
        (seen.body["pagination"]["total"] == 2).then_some(seen)
    })
    .await;
    let listed: Vec<_> = seen
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|nft| nft["tokenId"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ids);
    let second = isla.get(&format!("{}?limit=1&page=2", path(&owner))).await.expect(200);
    assert_eq!(second.data()[0]["tokenId"], ids[1].as_str());
    assert_eq!(second.body["pagination"]["hasNext"], false);
    assert_eq!(keeper.get(&path(&owner)).await.expect(200).body["pagination"]["total"], 2);
    stranger.get(&path(&owner)).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(stranger.get(&path("me")).await.expect(200).data(), &json!([]));
    keeper.get(&path("1")).await.refused(404, "USER_NOT_FOUND");
    isla.get(&path("x")).await.refused(400, "VALIDATION_ERROR");
    isla.get(&format!("{}?limit=101", path("me"))).await.refused(400, "VALIDATION_ERROR");
}
