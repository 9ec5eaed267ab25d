//! kill -9 at any moment: nothing that was acknowledged is lost, nothing happens twice.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::world::{World, cask, until};

/// Appended but not relayed: NATS is away when the process dies.
#[tokio::test]
async fn killed_between_append_and_relay() {
    let mut world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    world.nats.kill().await.unwrap();
    let cask_id = isla.cask("K-1").await;
    let published_too_early = world.log().await.len();
    server.kill().await;

    world.nats.start_again().await.unwrap();
    let server = world.server().await;
    let isla = isla.at(&server.url);
    world.stream_equals_log().await;
    assert!(world.log().await.len() >= published_too_early);
    until("the cask is readable", || async {
        (isla.get(&format!("/api/v1/whiskeys/{cask_id}")).await.status == 200).then_some(())
    })
    .await;
}

/// Relayed but not noted, folded but not acknowledged, asked but not answered: killed again and
/// again while people write and mints are under way.
#[tokio::test]
async fn killed_at_any_moment() {
    let world = World::new().await;
    let mut server = world.server().await;
    let mut isla = server.person("Isla").await;
    let mut acknowledged = BTreeSet::new();
    let mut minting = Vec::new();

    for round in 0..5_u32 {
        let keeper = server.administrator().await;
        let cask_id = isla.cask(&format!("mint-{round}")).await;
        keeper.put(&format!("/api/v1/whiskeys/{cask_id}/approve")).await.expect(200);
        isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask_id })).await.expect(202);
        acknowledged.insert(cask_id.clone());
        minting.push(cask_id);

        let writing = tokio::spawn(write_until_it_ends(isla.clone(), round));
        // Another moment each time: while the mint is signed, broadcast, included, settled.
        tokio::time::sleep(Duration::from_millis(40 + 170 * u64::from(round))).await;
        server.kill().await;
        acknowledged.extend(writing.await.unwrap());
        server = world.server().await;
        isla = isla.at(&server.url);
    }

    for cask_id in &minting {
        isla.until_nft_is(cask_id, "CONFIRMED").await;
    }
    world.stream_equals_log().await;

    let log = world.log().await;
    let count = |needle: &str| log.iter().filter(|(_, e)| e.contains(needle)).count();
    for cask_id in &acknowledged {
        let registered =
            format!("\"aggregateId\":\"{cask_id}\",\"sequence\":1,\"type\":\"whiskey.registered\"");
        assert_eq!(count(&registered), 1, "{cask_id} was acknowledged");
    }
    for cask_id in &minting {
        let needle = |event: &str| {
            log.iter()
                .filter(|(_, e)| {
                    e.contains(&format!("\"type\":\"{event}\"")) && e.contains(cask_id.as_str())
                })
                .count()
        };
        assert_eq!(needle("lane.nonce_assigned"), 1);
        assert_eq!(needle("nft.mint_confirmed"), 1);
    }
    read_model_equals_log(&world, &log).await;
    assert_eq!(transfers(&world).await, minting.len(), "the chain has as many tokens as the log");
}

/// Registers casks until the server is gone; gives those it said it had registered.
async fn write_until_it_ends(person: crate::world::Person, round: u32) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let request = person.request(reqwest::Method::POST, "/api/v1/whiskeys");
        let Ok(response) = request.json(&cask(&format!("{round}-{number}"))).send().await else {
            break;
        };
        let Ok(body) = response.json::<serde_json::Value>().await else {
            break;
        };
        if let Some(id) = body["data"]["id"].as_str() {
            acknowledged.push(id.to_owned());
        }
    }
    acknowledged
}

async fn read_model_equals_log(world: &World, log: &[(i64, String)]) {
    let registered =
        log.iter().filter(|(_, e)| e.contains("\"type\":\"whiskey.registered\"")).count();
    let database = world.database().await;
    until("the read model has folded everything", || async {
        let (position,): (i64,) = sqlx::query_as("select position from read_whiskeys.checkpoint")
            .fetch_one(&database)
            .await
            .unwrap();
        (position + 1 >= i64::try_from(log.len()).unwrap()).then_some(())
    })
    .await;
    let (rows,): (i64,) = sqlx::query_as("select count(*) from read_whiskeys.whiskeys")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), registered);
}

/// How many tokens were ever minted, as the chain's own logs have it.
async fn transfers(world: &World) -> usize {
    let question = json!({
        "jsonrpc": "2.0", "id": 1, "method": "eth_getLogs",
        "params": [{
            "fromBlock": "0x0",
            "topics": ["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"],
        }],
    });
    let request = reqwest::Client::new().post(world.chain.url()).json(&question);
    let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    answer["result"].as_array().unwrap().len()
}
