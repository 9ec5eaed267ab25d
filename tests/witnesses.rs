//! Witnesses of the log: partners who sign its heads, each only if it continues the one before.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventstore::ledger::checkpoint::Checkpoint;
use eventstore::ledger::key::{Kind, SigningKey, VerifierKey};
use eventstore::ledger::note::{Note, Signature};
use eventstore::ledger::witness::Request;
use reqwest::Method;

use crate::world::auditor::Bundle;
use crate::world::witness::Witness;
use crate::world::{Person, Server, World, cask, strangers, until};

const ORIGIN: &str = "log.example/1";
const SEED: [u8; 32] = [7; 32];

/// The log's key is known before there is a log.
fn log() -> SigningKey {
    SigningKey::new(ORIGIN, Kind::Notes, &SEED).unwrap()
}

/// A platform that signs with that key.
async fn platform(world: &World, witnesses: &[&Witness]) -> Server {
    let asked = |it: &&Witness| format!(r#"{{url="{}",key="{}"}}"#, it.url, it.key);
    let witnesses: Vec<String> = witnesses.iter().map(asked).collect();
    let witnesses = format!("[{}]", witnesses.join(","));
    let settings = [
        ("CASKCHAIN_LEDGER__ORIGIN", ORIGIN),
        ("CASKCHAIN_LEDGER__SIGNING_KEY", &STANDARD.encode(SEED)),
        ("CASKCHAIN_LEDGER__WITNESSES", &witnesses),
    ];
    world.server_with(&settings).await
}

/// Waits until the witness has signed a head over a position.
async fn witnessed(person: &Person, witness: &str, position: i64) {
    let witness: VerifierKey = witness.parse().unwrap();
    until("the head is witnessed", || async {
        let path = "/api/v1/ledger/checkpoint?witnessed=true";
        let answer = person.request(Method::GET, path).send().await.unwrap();
        let note = Note::parse(&answer.text().await.unwrap()).ok()?;
        let head = Checkpoint::signed(&note, log().public()).unwrap();
        note.verify(&witness).unwrap();
        (head.size > position.cast_unsigned()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_witness_signs_what_continues() {
    let world = World::new().await;
    let partner = tempfile::tempdir().unwrap();
    let key = log().public().to_string();
    let mut witness = Witness::start(partner.path(), &key).await;
    let server = platform(&world, &[&witness]).await;
    let isla = server.person("Isla").await;
    let position = isla.post("/api/v1/whiskeys", cask("W-1")).await.expect(201).position();
    witnessed(&isla, &witness.key, position).await;
    // Whoever asks for a receipt gets the witness's word with it.
    let receipt = isla.receipt(position).await;
    assert!(receipt.contains("witness.example"), "{receipt}");
    strangers::sigstore(&receipt, &key).await.unwrap();
    // So does the auditor, who insists on it.
    let bundle = Bundle::of(&world, &["--witnessed"]).await;
    let report = bundle.holds(&key, &["--witness", &witness.key]).await;
    let seen = report["checks"][0]["seen"].as_str().unwrap();
    assert!(seen.contains("witness.example at 20"), "{seen}");
    let nobody = SigningKey::new("nobody.example", Kind::Checkpoints, &[1; 32]).unwrap();
    let nobody = ["--witness", &nobody.public().to_string()];
    bundle.is_refuted((&key, &nobody), "CHECKPOINT", None, "no signature of nobody").await;

    // Killed, and started again later, it knows what it signed last.
    witness.kill();
    let position = isla.post("/api/v1/whiskeys", cask("W-2")).await.expect(201).position();
    until("it is missed", || async {
        server.log_text().contains("a head is not witnessed").then_some(())
    })
    .await;
    let known = witness.key.clone();
    let witness = witness.started_again(partner.path(), &key).await;
    assert_eq!(witness.key, known);
    witnessed(&isla, &known, position).await;

    // A head that nothing leads to, though the log's own key signed it.
    let forged = Checkpoint { origin: ORIGIN.to_owned(), size: 99_999, root: [7; 32] };
    let forged = Note::new(forged.to_string(), vec![Signature::of(&forged.to_string(), &log())]);
    let client = reqwest::Client::new();
    let ask = async |old: u64| {
        let request = Request { old, proof: vec![[1; 32]; 8], note: forged.clone() };
        let url = format!("{}/add-checkpoint", witness.url);
        client.post(url).body(request.to_string()).send().await.unwrap()
    };
    let conflict = ask(0).await;
    assert_eq!(conflict.status(), 409);
    assert_eq!(conflict.headers()["content-type"], "text/x.tlog.size");
    let signed: u64 = conflict.text().await.unwrap().trim().parse().unwrap();
    assert_eq!(ask(signed).await.status(), 422);
}

/// Heads come faster than they are shown: both have to mean the same one.
#[tokio::test]
async fn two_witnesses_sign_the_same_heads_of_a_busy_log() {
    let world = World::new().await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let key = log().public().to_string();
    let one = Witness::start(folders[0].path(), &key).await;
    let mut other = Witness::named("other.example", folders[1].path(), &key).await;
    let server = platform(&world, &[&one, &other]).await;
    let isla = server.person("Isla").await;
    let over = AtomicBool::new(false);
    let busy = async {
        for number in 0.. {
            isla.cask(&format!("B-{number}")).await;
            if over.load(Ordering::Relaxed) {
                break;
            }
        }
    };
    let both = ["--witness", &one.key, "--witness", &other.key];
    let audited = async {
        let position = isla.post("/api/v1/whiskeys", cask("W-1")).await.expect(201).position();
        until("a head is witnessed by both", || async {
            let receipt = isla.receipt(position).await;
            (receipt.contains("witness.example") && receipt.contains("other.example")).then_some(())
        })
        .await;
        for _ in 0..3 {
            let bundle = Bundle::of(&world, &["--witnessed"]).await;
            bundle.holds(&key, &both).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(busy, audited);
    // One that is away does not keep heads from being witnessed by the other.
    other.kill();
    let position = isla.post("/api/v1/whiskeys", cask("W-2")).await.expect(201).position();
    until("a newer head is witnessed", || async {
        let receipt = isla.receipt(position).await;
        receipt.contains("witness.example").then_some(())
    })
    .await;
}

/// Whoever runs the platform has its key, and can keep two logs with it: one for this reader, one for that.
#[tokio::test]
async fn of_two_views_for_two_readers_one_has_no_witness() {
    let (this, that) = (World::new().await, World::new().await);
    let partner = tempfile::tempdir().unwrap();
    let key = log().public().to_string();
    let witness = Witness::start(partner.path(), &key).await;
    let server = platform(&this, &[&witness]).await;
    let isla = server.person("Isla").await;
    let position = isla.post("/api/v1/whiskeys", cask("W-1")).await.expect(201).position();
    witnessed(&isla, &witness.key, position).await;
    let receipt = isla.receipt(position).await;
    let shown = Bundle::of(&this, &["--witnessed"]).await;
    let kept = shown.path().with_file_name("receipt");
    std::fs::write(&kept, receipt).unwrap();
    let witnesses = ["--witness", &witness.key];
    shown.holds(&key, &witnesses).await;
    server.kill().await;

    // The other log has longer grown, with a memory of its own of what was signed.
    let server = platform(&that, &[]).await;
    let mairi = server.person("Mairi").await;
    let end = shown.verdict(&key, &[]).await.report["contents"]["size"].as_i64().unwrap();
    let mut last = 0;
    while last <= end {
        last = mairi.post("/api/v1/whiskeys", cask("W-1")).await.expect(201).position();
    }
    mairi.receipt(last).await;
    server.kill().await;
    let server = platform(&that, &[&witness]).await;
    until("the witness disagrees", || async {
        let log = server.log_text();
        let told = log.lines().find(|line| line.contains("ALARM a witness disagrees"))?.to_owned();
        assert!(told.contains("is not continued by this log"), "{told}");
        Some(())
    })
    .await;
    // Whoever is shown it finds nothing wrong in it, but who asks for the witness does; so do two
    // readers who show each other what they kept.
    let other = Bundle::of(&that, &[]).await;
    other.holds(&key, &[]).await;
    let words = "no signature of witness.example";
    other.is_refuted((&key, &witnesses), "CHECKPOINT", None, words).await;
    let head = shown.checkpoint();
    let earlier = ["--earlier", head.to_str().unwrap()];
    other.is_refuted((&key, &earlier), "CONSISTENCY", None, "rewritten").await;
    let kept = ["--receipt", kept.to_str().unwrap()];
    let words = "says something else today";
    other.is_refuted((&key, &kept), "RECEIPTS", Some(position.cast_unsigned()), words).await;
    shown.holds(&key, &kept).await;
}
