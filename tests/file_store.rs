//! Where files are kept: in a folder, sealed or not, in S3; and what is left of a process that dies.

use std::collections::BTreeSet;
use std::path::PathBuf;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::files::{kept, photograph};
use crate::world::killing::{events, killed_at};
use crate::world::s3::{BUCKET, S3};
use crate::world::{Person, World, run, until};

/// Nothing is minted here.
const NOBODY: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

fn document(bytes: usize) -> Vec<u8> {
    let mut document = b"%PDF-1.7\n".to_vec();
    document.resize(bytes, b'x');
    document
}

async fn bytes(person: &Person, id: &str, range: &str) -> Vec<u8> {
    let request = person.request(Method::GET, &format!("/api/v1/files/{id}"));
    let answer = request.header("Range", range).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}

/// A document comes and is served in any part, a picture is worked on, and both go.
async fn files_come_and_go(isla: &Person) {
    let content = document(9_000_000);
    let uploaded = isla.upload("a.pdf", content.clone()).await.expect(201);
    let id = uploaded.data()["id"].as_str().unwrap();
    isla.get_at(&format!("/api/v1/files/{id}/details"), uploaded.position()).await.expect(200);
    assert_eq!(bytes(isla, id, "bytes=0-").await, content);
    assert_eq!(bytes(isla, id, "bytes=5242870-5242890").await, content[5_242_870..=5_242_890]);
    let image = isla.image(photograph(300, 200)).await;
    isla.delete(&format!("/api/v1/files/{id}")).await.expect(200);
    isla.delete(&format!("/api/v1/files/{}", image["id"].as_str().unwrap())).await.expect(200);
}

#[tokio::test]
async fn files_are_kept_in_s3() {
    let world = World::new().await;
    let mut s3 = S3::start().await;
    let url = s3.url();
    let server = world
        .server_with(&[
            ("CASKCHAIN_STORAGE__BUCKET", BUCKET),
            ("CASKCHAIN_STORAGE__ENDPOINT", &url),
            ("CASKCHAIN_STORAGE__ACCESS_KEY", "key"),
            ("CASKCHAIN_STORAGE__SECRET_KEY", "secret"),
        ])
        .await;
    let isla = server.person("Isla").await;
    files_come_and_go(&isla).await;
    until("the bucket is empty", || async { (s3.count().await == 0).then_some(()) }).await;
    assert!(kept(&server.data_folder).is_empty());

    // Away: said so, and everything else goes on.
    s3.stop();
    isla.upload("a.pdf", document(100)).await.refused(503, "STORAGE_UNAVAILABLE");
    isla.get("/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn files_are_sealed_where_there_is_a_key() {
    let world = World::new().await;
    let key = ("CASKCHAIN_STORAGE__ENCRYPTION_KEY", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=");
    let server = world.server_with(&[key]).await;
    let isla = server.person("Isla").await;
    files_come_and_go(&isla).await;
    until("the folder is empty", || async { kept(&server.data_folder).is_empty().then_some(()) })
        .await;
    let uploaded = isla.upload("a.pdf", document(100_000)).await.expect(201);
    let plain = b"xxxxxxxxxxxxxxxx";
    for path in kept(&server.data_folder) {
        let stored = std::fs::read(&path).unwrap();
        assert!(!stored.windows(plain.len()).any(|window| window == plain), "{path:?}");
        // Changed where it lies: it is not served, and nobody takes it for our fault alone.
        let mut changed = stored.clone();
        changed[70_000.min(stored.len() - 1)] ^= 1;
        std::fs::write(&path, changed).unwrap();
    }
    let id = uploaded.data()["id"].as_str().unwrap();
    let request = isla.request(Method::GET, &format!("/api/v1/files/{id}"));
    // The connection breaks, before the head of the answer or after it.
    if let Ok(answer) = request.header("X-Min-Position", uploaded.position()).send().await {
        assert!(answer.bytes().await.is_err(), "changed bytes were served");
    }
}

#[tokio::test]
async fn an_image_that_was_changed_where_it_lies_is_not_worked_on() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let image = isla.image(photograph(300, 200)).await;
    let id = image["id"].as_str().unwrap();
    let is_original = |path: &&PathBuf| path.ends_with(format!("{id}/original"));
    let original = kept(&server.data_folder).iter().find(is_original).unwrap().clone();
    // Another picture, as good as this one.
    std::fs::write(original, photograph(310, 200)).unwrap();
    let order = json!({ "fileId": id, "width": 50, "format": "png" });
    isla.post("/api/v1/files/process-image", order).await.expect(202);
    assert_eq!(isla.until_file_is(id, "REFUSED").await["refused"], "CHANGED");
}

#[tokio::test]
async fn a_server_that_is_killed_loses_no_file_and_what_it_left_is_swept() {
    let world = World::new().await;
    let mut server = world.server().await;
    let mut isla = server.person("Isla").await;
    let mut answered = Vec::new();
    for moment in [1, 4, 8] {
        let upload = |(name, bytes): (&'static str, Vec<u8>)| {
            let part = Part::bytes(bytes).file_name(name);
            let request = isla.request(Method::POST, "/api/v1/files/upload");
            request.multipart(Form::new().part("file", part))
        };
        let of_each = |_| [("a.pdf", document(2_000_000)), ("a.jpg", photograph(900, 600))];
        let uploads = (0..6).flat_map(of_each).map(upload).collect();
        let answers = killed_at(&world, ("file.uploaded", moment), server, uploads).await;
        let accepted = answers.into_iter().flatten().filter(|answer| answer.status == 201);
        answered.extend(accepted.map(|answer| answer.data()["id"].as_str().unwrap().to_owned()));
        server = world.server().await;
        isla = isla.at(&server.url);
    }

    // Everything that is in the log is whole, and everything that was answered is in the log.
    let uploaded =
        events(&world).await.into_iter().filter(|event| event["type"] == "file.uploaded");
    let uploaded: Vec<Value> = uploaded.collect();
    let id_of = |event: &Value| event["aggregateId"].as_str().unwrap().to_owned();
    let ids: BTreeSet<String> = uploaded.iter().map(id_of).collect();
    assert!(answered.iter().all(|id| ids.contains(id)), "an answered upload was lost");
    for event in &uploaded {
        let id = id_of(event);
        let state = if event["data"]["kind"] == "PDF" { "STORED" } else { "READY" };
        isla.until_file_is(&id, state).await;
        let whole = bytes(&isla, &format!("{id}?rendition=original"), "bytes=0-").await;
        assert_eq!(whole.len() as u64, event["data"]["size"].as_u64().unwrap());
    }

    // What nobody owns is there until it is swept, and then not.
    let data_folder = server.data_folder.to_string_lossy().into_owned();
    let settings = world.settings(&[
        ("CASKCHAIN_DATA_FOLDER", &data_folder),
        ("CASKCHAIN_KEY_ENCRYPTION_KEY", &server.key_encryption_key()),
        ("CASKCHAIN_CHAIN__CONTRACT", NOBODY),
        ("CASKCHAIN_CHAIN__CUSTODY", NOBODY),
    ]);
    run(&settings, &["files", "sweep", "--older-than", "0"], "").await.unwrap();
    let expected: usize =
        uploaded.iter().map(|event| if event["data"]["kind"] == "PDF" { 1 } else { 7 }).sum();
    let left = kept(&server.data_folder);
    assert_eq!(left.len(), expected, "{left:?}");
}
