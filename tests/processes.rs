//! Several processes on one log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{Server, World, cask, until};

#[tokio::test]
async fn two_processes_make_different_ids_and_see_each_other_s_writes() {
    let world = World::new().await;
    let (one, other) = two_servers(&world, &[]).await;
    let isla = one.person("Isla").await;
    let writers = (0..40).map(|number| {
        let url = if number % 2 == 0 { &one.url } else { &other.url };
        let isla = isla.at(url);
        async move {
            let answer =
                isla.post("/api/v1/whiskeys", cask(&format!("2-{number}"))).await.expect(201);
            (answer.data()["id"].as_str().unwrap().to_owned(), answer.position())
        }
    });
    let written = futures::future::join_all(writers).await;
    let ids: BTreeSet<_> = written.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 40, "an id was made twice");

    let last = written.iter().map(|(_, position)| *position).max().unwrap();
    for url in [&one.url, &other.url] {
        let mine = isla.at(url).get_at("/api/v1/whiskeys?owner=me", last).await.expect(200);
        assert_eq!(mine.body["pagination"]["total"], 40);
    }
    world.stream_equals_log().await;
}

#[tokio::test]
async fn who_signs_out_at_one_is_signed_out_at_the_other_within_a_second() {
    let mut world = World::new().await;
    let (one, other) = two_servers(&world, &[]).await;
    let isla = one.person("Isla").await;
    let mut took = Vec::new();
    for round in 0..20 {
        if round == 10 {
            // Without NATS the log itself is asked.
            world.nats.kill().await.unwrap();
        }
        let isla = isla.clone().signed_in().await;
        let at_other = isla.at(&other.url);
        at_other.get("/api/v1/users/me").await.expect(200);
        isla.post("/api/v1/auth/logout", json!({})).await.expect(200);
        let ended = Instant::now();
        until("the other process knows", || async {
            let answer = at_other.get("/api/v1/users/me").await;
            (answer.status == 401).then(|| answer.refused(401, "TOKEN_REVOKED"))
        })
        .await;
        took.push(ended.elapsed());
    }
    eprintln!("known at the other process, ten times with NATS and ten without: {took:?}");
    took.sort_unstable();
    assert!(took[19] < Duration::from_secs(1), "{took:?}");
}

/// Two servers on one world.
pub async fn two_servers(world: &World, settings: &[(&str, &str)]) -> (Server, Server) {
    let one = world.server_with(settings).await;
    let other_folder = world.data_folder().with_file_name("other");
    std::fs::create_dir_all(&other_folder).unwrap();
    // Keys are shared by those who share a database.
    let secrets = world.data_folder().join("secrets");
    copy_folder(&secrets, &other_folder.join("secrets"));
    let other = Server::start(&other_folder, &world.settings(settings));
    other.until_ready().await;
    (one, other)
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
