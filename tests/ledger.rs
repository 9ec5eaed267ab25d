//! The ledger, as strangers see it: with tools of theirs, and without trusting us.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventstore::ledger::hash::sha256;
use eventstore::ledger::key::{Kind, SigningKey};
use eventstore::ledger::receipt::Receipt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::auditor::Bundle;
use crate::world::mint_lab::MintLab;
use crate::world::witness::Witness;
use crate::world::{Person, World, calm, cask, strangers, until};

const LEDGER: &str = "/api/v1/ledger";

async fn text(person: &Person, path: &str) -> String {
    let answer = person.request(Method::GET, &format!("{LEDGER}{path}")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn tools_of_strangers_read_the_log_and_believe_it() {
    let world = World::new().await;
    let server = world.server().await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    for number in 0..8 {
        isla.cask(&format!("L-{number}")).await;
    }
    let last = isla.post("/api/v1/whiskeys", cask("L-8")).await.expect(201).position();
    isla.receipt(last).await;
    let key = strangers::key(&server.visitor()).await;
    let folder = tempfile::tempdir().unwrap();
    strangers::mirrored(&keeper, folder.path()).await;
    let seen = strangers::cloudflare(folder.path(), &key);
    assert!(seen.as_ref().is_ok_and(|size| *size > last.cast_unsigned()), "{seen:?}");

    // What is changed on the way is noticed by them: a hash, an entry, the head, the key.
    let files = ["tile/0/000", "tile/entries/000"];
    for name in files {
        let beside = folder.path().join(name);
        let partial = std::fs::read_dir(beside.with_extension("p")).unwrap().next().unwrap();
        changed(&partial.unwrap().path(), 40, || {
            assert!(strangers::cloudflare(folder.path(), &key).is_err(), "{name}");
        });
    }
    let head = folder.path().join("checkpoint");
    let size_of_name = "localhost/caskchain\n".len();
    changed(&head, size_of_name, || {
        assert!(strangers::cloudflare(folder.path(), &key).is_err());
    });
    assert!(strangers::cloudflare(folder.path(), &key).is_ok());
}

/// Changes a bit of a file for as long as somebody looks.
fn changed(file: &std::path::Path, at: usize, look: impl FnOnce()) {
    let bytes = std::fs::read(file).unwrap();
    let mut forged = bytes.clone();
    forged[at] ^= 1;
    std::fs::write(file, forged).unwrap();
    look();
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn whoever_commands_gets_a_receipt_that_anybody_can_check() {
    let server = &calm().await.server;
    let (isla, visitor) = (server.person("Isla").await, server.visitor());
    let position = isla.post("/api/v1/whiskeys", cask("R-1")).await.expect(201).position();
    let receipt = isla.receipt(position).await;
    let key = strangers::key(&visitor).await;
    strangers::sigstore(&receipt, &key).await.unwrap();
    let ours = Receipt::parse(&receipt).unwrap();
    // It is of what was done, which is shown to whoever did it, to the cask's owner and to auditors.
    let event = text(&isla, &format!("/receipts/{position}/event")).await;
    let done: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(done["type"], "whiskey.registered");
    assert_eq!(ours.entry[ours.entry.len() - 32..], sha256(event.as_bytes()));
    let keeper = server.administrator().await;
    assert_eq!(text(&keeper, &format!("/receipts/{position}/event")).await, event);
    let cask = done["aggregateId"].as_str().unwrap();
    let approved = keeper.put(&format!("/api/v1/whiskeys/{cask}/approve")).await.expect(200);
    isla.get_at(&format!("/api/v1/whiskeys/{cask}"), approved.position()).await.expect(200);
    let approved = format!("/receipts/{}/event", approved.position());
    let event: Value = serde_json::from_str(&text(&isla, &approved).await).unwrap();
    assert_eq!(event["type"], "whiskey.approved");
    let finlay = server.person("Finlay").await;
    finlay.get(&format!("{LEDGER}{approved}")).await.refused(403, "PERMISSION_DENIED");
    finlay.get(&format!("{LEDGER}/receipts/99999999/event")).await.refused(404, "NOT_FOUND");
    let head = ours.verify(&key.parse().unwrap()).unwrap();
    assert!(head.size > position.cast_unsigned());
    assert_eq!(ours.to_string(), receipt);

    // The same by hand: the proof is public, the entry is not.
    let path = format!("{LEDGER}/proof/inclusion?position={position}&size={}", head.size);
    let proof = visitor.get(&path).await.expect(200);
    let hashes: Vec<String> = ours.path.iter().map(|hash| STANDARD.encode(hash)).collect();
    assert_eq!(proof.data()["hashes"], json!(hashes));

    // A forged one is believed by nobody.
    let entry = STANDARD.encode(&ours.entry);
    let mut other = ours.entry.clone();
    other[20] ^= 1;
    let forged = receipt.replace(&entry, &STANDARD.encode(other));
    assert!(strangers::sigstore(&forged, &key).await.is_err());
    assert!(Receipt::parse(&forged).unwrap().verify(&key.parse().unwrap()).is_err());
    let moved = receipt.replace(&format!("index {position}"), &format!("index {}", position - 1));
    assert!(strangers::sigstore(&moved, &key).await.is_err());

    // Another tenant's events are not there; nor are those that are not written yet.
    let world = &calm().await.world;
    let elsewhere = server.administrator_elsewhere(world).await;
    let receipts = format!("{LEDGER}/receipts");
    elsewhere.get(&format!("{receipts}/{position}")).await.refused(404, "NOT_FOUND");
    isla.get(&format!("{receipts}/99999999")).await.refused(404, "NOT_FOUND");
    isla.get(&format!("{receipts}/x")).await.refused(400, "VALIDATION_ERROR");
    visitor.get(&format!("{receipts}/{position}")).await.refused(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn what_cannot_be_proven_is_refused_in_the_envelope() {
    let server = &calm().await.server;
    let (isla, visitor) = (server.person("Isla").await, server.visitor());
    let inclusion = |query: &str| format!("{LEDGER}/proof/inclusion?{query}");
    let consistency = |query: &str| format!("{LEDGER}/proof/consistency?{query}");
    for path in [
        inclusion("position=99999999"),
        inclusion("position=-1"),
        inclusion("position=0&size=0"),
        inclusion("position=0&size=99999999"),
        inclusion("position=%2B1"),
        inclusion(""),
        consistency("from=3&to=2"),
        consistency("from=99999999"),
        consistency("from=1&to=99999999"),
        consistency(""),
    ] {
        visitor.get(&path).await.refused(400, "VALIDATION_ERROR");
    }
    visitor.get(&consistency("from=0&to=1")).await.expect(200);
    // A tile is the same for ever, and anybody may keep it.
    let tile = visitor.get(&format!("{LEDGER}/tile/0/000.p/1")).await;
    assert_eq!(tile.header("cache-control"), "public, max-age=31536000, immutable");
    for path in ["0/999", "0/000.p/0", "x/000", "9/000", "0/000.p/256", "0/x000/001", "", "0/000/"]
    {
        let path = format!("{LEDGER}/tile/{path}");
        visitor.get(&path).await.refused(404, "NOT_FOUND");
    }
    // Whose events came when is for the platform's own auditors.
    let entries = format!("{LEDGER}/tile/entries/000.p/1");
    visitor.get(&entries).await.refused(401, "UNAUTHORIZED");
    isla.get(&entries).await.refused(403, "PERMISSION_DENIED");
    let elsewhere = server.administrator_elsewhere(&calm().await.world).await;
    elsewhere.get(&entries).await.refused(403, "PERMISSION_DENIED");
    server.administrator().await.get(&entries).await.expect(200);
}

#[tokio::test]
async fn a_bundle_of_a_busy_log_holds_also_after_an_erasure() {
    let lab = MintLab::new(&[]).await;
    let id = lab.ordered("B-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    let mairi = lab.server.person("Mairi").await;
    mairi.login("Wrong&Smoke1994").await;
    let again = mairi.refresh(&mairi.refresh_token).await.expect(200);
    again.data()["refreshToken"].as_str().unwrap();
    mairi.upload("a.pdf", b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF".to_vec()).await;
    let key = strangers::key(&mairi).await;
    let before = Bundle::of(&lab.world, &[]).await;
    let tenant = Bundle::of(&lab.world, &["--tenant", "1"]).await;
    let report = before.holds(&key, &[]).await;
    let claims: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| &check["claim"]).collect();
    assert_eq!(claims, ["CHECKPOINT", "SCOPE", "TREE", "EVENTS", "ORDER", "DECODING", "RULES"]);

    let erase = json!({ "password": mairi.password });
    let request = mairi.request(Method::DELETE, "/api/v1/users/me").json(&erase);
    let erased = crate::world::Answer::of(request).await.expect(200).position();
    let receipt = format!("{LEDGER}/receipts/{erased}");
    until("the erasure is in a head", || async {
        (lab.keeper.get(&receipt).await.status == 200).then_some(())
    })
    .await;
    let kept = std::fs::read_to_string(before.checkpoint()).unwrap();
    let kept_file = before.path().join("kept");
    std::fs::write(&kept_file, kept).unwrap();
    before.extend(&lab.world, &[]).await;
    before.holds(&key, &["--earlier", kept_file.to_str().unwrap()]).await;
    // Strangers read the very folder.
    strangers::cloudflare(before.path(), &key).unwrap();

    // A tenant's, a stream's and a stretch.
    tenant.extend(&lab.world, &["--tenant", "1"]).await;
    tenant.holds(&key, &["--tenant", "1"]).await;
    let of = ["--stream", &format!("whiskey/{id}")];
    let stream = Bundle::of(&lab.world, &of).await;
    let report = stream.holds(&key, &of).await;
    assert!(report["contents"]["events"].as_u64().unwrap() >= 4, "{report}");
    let of = ["--from", "3", "--before", "9"];
    let stretch = Bundle::of(&lab.world, &of).await;
    assert_eq!(stretch.holds(&key, &of).await["contents"]["events"], 6);

    // Whoever made a bundle does not choose what is checked.
    let (of_tenant, of_stretch) = (["--tenant", "2"], ["--from", "3", "--before", "10"]);
    let words = "the bundle is of the events of tenant 1, and not of the whole log";
    tenant.is_refuted((&key, &[]), "SCOPE", None, words).await;
    tenant.is_refuted((&key, &of_tenant), "SCOPE", None, "not of the events of tenant 2").await;
    stretch.is_refuted((&key, &of_stretch), "SCOPE", None, "from 3 to before 10").await;
    before.is_refuted((&key, &["--tenant", "1"]), "SCOPE", None, "is of the whole log").await;
}

#[tokio::test]
async fn a_new_key_signs_beside_the_old_one_until_everybody_knows_it() {
    let world = World::new().await;
    let seeds = [[1; 32], [2; 32]].map(|seed| STANDARD.encode(seed));
    let [old, new] = &seeds;
    let public = |seed: &str| {
        let key = SigningKey::parse("log.example/1", Kind::Notes, seed).unwrap();
        key.public().to_string()
    };
    let (old_key, new_key) = (public(old), public(new));
    // A partner who knows the old one only.
    let partner = tempfile::tempdir().unwrap();
    let witness = Witness::start(partner.path(), &old_key).await;
    let witnesses = format!(r#"[{{url="{}",key="{}"}}]"#, witness.url, witness.key);
    let serve = async |keys: &[(&str, &str)]| {
        let mut settings = vec![
            ("CASKCHAIN_LEDGER__ORIGIN", "log.example/1"),
            ("CASKCHAIN_LEDGER__WITNESSES", witnesses.as_str()),
        ];
        settings.extend_from_slice(keys);
        world.server_with(&settings).await
    };
    let (signing, former) =
        ("CASKCHAIN_LEDGER__SIGNING_KEY", "CASKCHAIN_LEDGER__FORMER_SIGNING_KEY");
    let server = serve(&[(signing, old)]).await;
    let isla = server.person("Isla").await;
    let announced = async |isla: &Person, keys: Value| {
        until("the key is announced", || async {
            let told = isla.get(&format!("{LEDGER}/keys")).await;
            (told.body["data"]["keys"] == keys).then_some(())
        })
        .await;
    };
    announced(&isla, json!([old_key])).await;
    let position = isla.post("/api/v1/whiskeys", cask("R-1")).await.expect(201).position();
    isla.receipt(position).await;
    server.kill().await;

    let server = serve(&[(signing, new), (former, old)]).await;
    let isla = isla.at(&server.url);
    announced(&isla, json!([new_key, old_key])).await;
    let position = isla.post("/api/v1/whiskeys", cask("R-2")).await.expect(201).position();
    let receipt = until("the partner goes on", || async {
        let receipt = isla.receipt(position).await;
        receipt.contains("witness.example").then_some(receipt)
    })
    .await;
    for key in [&old_key, &new_key] {
        strangers::sigstore(&receipt, key).await.unwrap();
    }
    let both = Bundle::of(&world, &[]).await;
    both.holds(&old_key, &[]).await;
    both.holds(&new_key, &[]).await;
    server.kill().await;

    // Whoever does not know it by then believes nothing that is signed from now on.
    let server = serve(&[(signing, new)]).await;
    let isla = isla.at(&server.url);
    let position = isla.post("/api/v1/whiskeys", cask("R-3")).await.expect(201).position();
    isla.receipt(position).await;
    let alone = Bundle::of(&world, &[]).await;
    let earlier = both.checkpoint();
    alone.holds(&new_key, &["--earlier", earlier.to_str().unwrap()]).await;
    alone.is_refuted((&old_key, &[]), "CHECKPOINT", None, "no signature of log.example/1").await;
}

#[tokio::test]
async fn an_auditor_without_a_way_to_the_database_has_the_bundle_of_their_tenant() {
    let calm = calm().await;
    let server = &calm.server;
    let elsewhere = server.administrator_elsewhere(&calm.world).await;
    let position = elsewhere.post("/api/v1/whiskeys", cask("T-1")).await.expect(201).position();
    elsewhere.receipt(position).await;
    // A process that was killed left something in the middle of an export.
    let exports = calm.world.data_folder().join("exports");
    std::fs::create_dir_all(exports.join("left/bundle")).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    std::fs::File::open(exports.join("left")).unwrap().set_modified(long_ago).unwrap();
    let request = elsewhere.request(Method::GET, "/api/v1/audit/export");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-tar");
    let bytes = answer.bytes().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(bytes.as_ref()).unpack(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(exports).unwrap().count(), 0);
    let bundle = Bundle::in_folder(folder, "bundle");
    let key = strangers::key(&elsewhere).await;
    let tenant = elsewhere.tenant.as_deref().unwrap();
    let report = bundle.holds(&key, &["--tenant", tenant]).await;
    let events = report["contents"]["events"].as_u64().unwrap();
    assert!((4..60).contains(&events), "{report}");
    assert_eq!(report["contents"]["scope"], json!({ "kind": "tenant", "tenant": tenant }));
    let foreign = |line: &Value| {
        let envelope: Value = serde_json::from_str(line["envelope"].as_str().unwrap()).unwrap();
        envelope["tenant"] != tenant
    };
    assert!(!bundle.lines().iter().any(foreign));
    let isla = server.person("Isla").await;
    isla.get("/api/v1/audit/export").await.refused(403, "PERMISSION_DENIED");
}

/// Signed and not kept, kept and not signed; and what the database itself had not flushed: killed again
/// and again, together with PostgreSQL, the tree is always the one that was signed before.
#[tokio::test]
async fn killed_at_any_moment_the_signer_goes_on_with_the_same_tree() {
    let mut world = World::new().await;
    let mut server = world.server().await;
    let mut isla = server.person("Isla").await;
    let key = strangers::key(&isla).await;
    let kept = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..4 {
        let writing = tokio::spawn(write(isla.clone(), round));
        last = until("something new is signed", || async {
            let answer = isla.request(Method::GET, &format!("{LEDGER}/checkpoint")).send().await;
            let head = answer.ok()?.text().await.ok()?;
            let size: u64 = head.lines().nth(1)?.parse().ok().filter(|size| *size > last)?;
            std::fs::write(kept.path().join(round.to_string()), head).ok()?;
            Some(size)
        })
        .await;
        tokio::time::sleep(std::time::Duration::from_millis(60 + 45 * round)).await;
        if round % 2 == 1 {
            world.postgres.kill().await.unwrap();
        }
        server.kill().await;
        writing.await.unwrap();
        if round % 2 == 1 {
            world.postgres.start_again().await.unwrap();
        }
        server = world.server().await;
        isla = isla.at(&server.url);
    }
    let last = isla.post("/api/v1/whiskeys", cask("K-99")).await.expect(201).position();
    isla.receipt(last).await;
    assert!(!server.log_text().contains("ALARM"), "{}", server.log_text());
    let bundle = Bundle::of(&world, &[]).await;
    for round in 0..4 {
        let earlier = kept.path().join(round.to_string());
        bundle.holds(&key, &["--earlier", earlier.to_str().unwrap()]).await;
    }
    strangers::cloudflare(bundle.path(), &key).unwrap();
}

/// Registers casks until nobody answers.
async fn write(person: Person, round: u64) {
    for number in 0.. {
        let request = person.request(Method::POST, "/api/v1/whiskeys");
        let body = cask(&format!("K-{round}-{number}"));
        match request.json(&body).send().await {
            Ok(answer) if answer.status() == 201 => {}
            _ => return,
        }
    }
}
