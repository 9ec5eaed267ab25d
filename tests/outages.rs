//! What everything depends on goes away and comes back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{World, cask, until};

#[tokio::test]
async fn without_a_database_the_answer_is_503_and_it_heals_by_itself() {
    let mut world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    world.postgres.kill().await.unwrap();

    let begun = Instant::now();
    let written = isla.post("/api/v1/whiskeys", cask("O-1")).await;
    let read = isla.get("/api/v1/whiskeys").await;
    let login = json!({ "identifier": isla.email, "password": isla.password });
    let signed_in = isla.post("/api/v1/auth/login", login).await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    for answer in [written, read, signed_in] {
        let answer = answer.refused(503, "DATABASE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(isla.get("/ready").await.status, 503);
    assert_eq!(isla.get("/health").await.expect(200).data()["dependencies"]["database"], "down");

    world.postgres.start_again().await.unwrap();
    server.until_ready().await;
    let written = until("writing works again", || async {
        let answer = isla.post("/api/v1/whiskeys", cask("O-2")).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    until("reading has caught up", || async {
        let mine = isla.get_at("/api/v1/whiskeys?owner=me", written.position()).await;
        (mine.status == 200).then(|| assert_eq!(mine.body["pagination"]["total"], 1))
    })
    .await;
    world.stream_equals_log().await;
}

#[tokio::test]
async fn without_nats_commands_and_reads_go_on_and_the_backlog_is_published_once() {
    let mut world = World::new().await;
    let server = world.server().await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    world.nats.kill().await.unwrap();

    let cask_id = isla.cask("N-1").await;
    let approved = keeper.put(&format!("/api/v1/whiskeys/{cask_id}/approve")).await.expect(200);
    let path = format!("/api/v1/whiskeys/{cask_id}");
    let seen = isla.get_at(&path, approved.position()).await.expect(200);
    assert_eq!(seen.data()["status"], "APPROVED");
    isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask_id })).await.expect(202);

    world.nats.start_again().await.unwrap();
    isla.until_nft_is(&cask_id, "CONFIRMED").await;
    world.stream_equals_log().await;
}

#[tokio::test]
async fn without_a_chain_a_mint_waits_and_is_done_once() {
    let mut world = World::new().await;
    let server = world.server().await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask_id = isla.cask("C-1").await;
    keeper.put(&format!("/api/v1/whiskeys/{cask_id}/approve")).await.expect(200);
    world.chain.stop().await.unwrap();
    isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask_id })).await.expect(202);
    isla.until_nft_is(&cask_id, "PINNED").await;

    world.chain.start_again().await.unwrap();
    isla.until_nft_is(&cask_id, "CONFIRMED").await;
    let events = |name: &str| {
        let name = format!("\"type\":\"{name}\"");
        let world = &world;
        async move { world.log().await.iter().filter(|(_, e)| e.contains(&name)).count() }
    };
    assert_eq!(events("lane.nonce_assigned").await, 1);
    assert_eq!(events("nft.mint_confirmed").await, 1);
}
