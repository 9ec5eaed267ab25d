//! Several processes on one log.

use std::collections::BTreeSet;

use crate::world::{Server, World, cask};

#[tokio::test]
async fn two_processes_make_different_ids_and_see_each_other_s_writes() {
    let world = World::new().await;
    let one = world.server().await;
    let other_folder = world.data_folder().with_file_name("other");
    std::fs::create_dir_all(&other_folder).unwrap();
    // Keys are shared by those who share a database.
    let secrets = world.data_folder().join("secrets");
    copy_folder(&secrets, &other_folder.join("secrets"));
    let other = Server::start(&other_folder, &world.settings(&[]));
    other.until_ready().await;

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

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
