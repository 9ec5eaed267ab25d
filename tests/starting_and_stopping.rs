//! One command starts everything, and leaves nothing behind.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::world::{Server, is_alive, run, until};

/// The processes that were started for a data folder, by their command lines.
fn children_of(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let ours = String::from_utf8_lossy(&line).contains(folder);
            (ours && pid != std::process::id()).then_some(pid)
        })
        .collect()
}

#[tokio::test]
async fn everything_embedded_starts_stops_and_starts_again_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.until_ready().await;
    let isla = server.person("Isla").await;
    let cask_id = isla.cask("S-1").await;
    assert!(children_of(folder.path()).len() >= 2);

    let refused = Server::start(folder.path(), &[]);
    let log = refused.log.clone();
    until("the second server gives up", || async { (!is_alive(refused.pid)).then_some(()) }).await;
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains(&server.pid.to_string()), "it names who has the folder: {said}");

    let (code, took) = server.terminate().await;
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");
    until("no child is left", || async { children_of(folder.path()).is_empty().then_some(()) })
        .await;

    let server = Server::start(folder.path(), &[]);
    server.until_ready().await;
    let isla = isla.at(&server.url).signed_in().await;
    isla.get(&format!("/api/v1/whiskeys/{cask_id}")).await.expect(200);

    server.kill().await;
    until("no child is left", || async { children_of(folder.path()).is_empty().then_some(()) })
        .await;

    let server = Server::start(folder.path(), &[]);
    server.until_ready().await;
    let isla = isla.at(&server.url).signed_in().await;
    isla.get(&format!("/api/v1/whiskeys/{cask_id}")).await.expect(200);
}

#[tokio::test]
async fn requests_under_way_are_answered_before_the_process_ends() {
    let world = crate::world::World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let asks: Vec<_> = (0..20)
        .map(|number| {
            let isla = isla.clone();
            tokio::spawn(async move {
                isla.post("/api/v1/whiskeys", crate::world::cask(&format!("{number}"))).await
            })
        })
        .collect();
    // A handful are answered, so the rest is under way.
    let first = futures::future::select_all(asks).await;
    let (code, took) = server.terminate().await;
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");
    let mut acknowledged = 1;
    first.0.unwrap().expect(201);
    for ask in first.2 {
        // A connection that was not taken any more is no answer; every answer is a good one.
        if let Ok(answer) = ask.await {
            answer.expect(201);
            acknowledged += 1;
        }
    }
    let log = world.log().await;
    let registered =
        log.iter().filter(|(_, e)| e.contains("\"type\":\"whiskey.registered\"")).count();
    assert!(registered >= acknowledged, "{registered} in the log, {acknowledged} acknowledged");
}

#[tokio::test]
async fn an_installation_gets_its_first_tenant_and_administrator_by_command() {
    let world = crate::world::World::new().await;
    let key = STANDARD.encode([7; 32]);
    let nobody = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
    let settings = world.settings(&[
        ("CASKCHAIN_KEY_ENCRYPTION_KEY", &key),
        ("CASKCHAIN_CHAIN__CONTRACT", nobody),
        ("CASKCHAIN_CHAIN__CUSTODY", nobody),
        ("CASKCHAIN_CHAIN__SIGNER_KEY", &"11".repeat(32)),
        ("CASKCHAIN_MAIL__SMTP_URL", "smtp://127.0.0.1:9"),
    ]);
    run(&settings, &["migrate"], "").await.unwrap();
    let first = run(&settings, &["tenant", "create", "--name", "Islay Casks"], "").await;
    assert_eq!(first.unwrap().trim(), "1");
    let second = run(&settings, &["tenant", "create", "--name", "Speyside Casks"], "").await;
    let second: i64 = second.unwrap().trim().parse().unwrap();
    assert!(second > 1);
    let create = async |tenant: &str, email: &str, password: &str| {
        let arguments = ["user", "create-admin", "--tenant", tenant, "--email", email];
        run(&settings, &arguments, password).await
    };
    let keeper = "keeper@casks.example";
    create("1", keeper, "short").await.unwrap_err();
    create("7", keeper, "Peat&Smoke1994\n").await.unwrap_err();
    create("1", "keeper", "Peat&Smoke1994\n").await.unwrap_err();
    create("1", keeper, "Peat&Smoke1994\n").await.unwrap();
    assert!(create("1", keeper, "Peat&Smoke1994\n").await.unwrap_err().contains("already"));

    let server = Server::start_as("serve", &world.data_folder(), &settings);
    server.until_ready().await;
    let mut person = server.visitor();
    person.email = keeper.to_owned();
    let person = person.signed_in().await;
    person.get("/api/v1/users").await.expect(200);
}
