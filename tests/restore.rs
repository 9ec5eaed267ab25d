//! Everything is lost but what was backed up, and comes back as it was at a point in time.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::auditor::Bundle;
use crate::world::backup::Backup;
use crate::world::killing::killed_at_table;
use crate::world::mint_lab::MintLab;
use crate::world::server::NOBODY;
use crate::world::{Answer, World, ended, run, strangers, until};

const NEW_ORIGIN: (&str, &str) = ("CASKCHAIN_LEDGER__ORIGIN", "casks.example/2");

/// The server's own idea of now, after which nothing that was answered comes any more.
async fn now(world: &World) -> String {
    let (now,): (String,) = sqlx::query_as(
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
         from pg_sleep(0.005)",
    )
    .fetch_one(&world.database().await)
    .await
    .unwrap();
    now
}

/// Waits until nobody would be written to again for what has happened so far.
async fn letters_are_noted(world: &World) {
    let database = world.database().await;
    until("the letters are noted as sent", || async {
        let (noted,): (bool,) = sqlx::query_as(
            "select not exists (
                 select from eventstore.events e
                 join (values ('mail', 'user.registered'), ('notices-mail', 'whiskey.approved'))
                     as of_type (reaction, event_type) using (event_type)
                 left join eventstore.progress p using (reaction)
                 where e.position > coalesce(p.position, -1)
             )",
        )
        .fetch_one(&database)
        .await
        .unwrap();
        noted.then_some(())
    })
    .await;
}

/// The letters for events before a position, each as the file it is: one that is written again is another.
fn letters(data_folder: &Path, before: i64) -> Vec<(String, u64)> {
    let files = std::fs::read_dir(data_folder.join("outbox")).unwrap().map(Result::unwrap);
    let mut letters: Vec<_> = files
        .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().ino()))
        .filter(|(name, _)| {
            name.split('.').next().unwrap().parse().is_ok_and(|at: i64| at < before)
        })
        .collect();
    letters.sort();
    letters
}

/// Settings of a command beside the server, on its folder.
fn beside(lab: &MintLab, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut settings = lab.settings();
    let folder = lab.server.data_folder.to_str().unwrap().to_owned();
    settings.push(("CASKCHAIN_DATA_FOLDER".to_owned(), folder));
    settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    settings
}

/// A bundle of all there is, signed.
async fn bundle(world: &World) -> Bundle {
    world.until_signed().await;
    Bundle::of(world, &[]).await
}

/// What the cask's owner has of its registration, in a file.
async fn receipt(lab: &MintLab, backup: &Backup, name: &str, cask: &str) -> String {
    let registered = lab.world.log().await.into_iter().find(|(_, text)| {
        text.contains("whiskey.registered") && text.contains(&format!("\"{cask}\""))
    });
    let path = backup.folder.path().join(name);
    std::fs::write(&path, lab.isla.receipt(registered.unwrap().0).await).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_point_in_time_comes_back_and_nothing_is_minted_twice_or_told_as_if_it_had_not_been() {
    let mut lab = MintLab::new(&[]).await;
    let backup = Backup::begin(&lab.world).await;
    let first = lab.ordered("B-0").await;
    lab.mined_until(&first, "CONFIRMED").await;
    let base = backup.take(&[]).await;
    let head_file = lab.server.data_folder.join("ledger/head");
    let stale_head = std::fs::read(&head_file).unwrap();
    assert!(Path::new(&base).join("backup_manifest").exists());
    let (code, said) = backup.check(&[]).await;
    assert_eq!(code, 0, "{said}");

    // Up to then: a token, somebody who will be gone, two who are signed in, a mint that waits.
    let second = lab.ordered("B-1").await;
    lab.mined_until(&second, "CONFIRMED").await;
    let (erna, morag) = (lab.server.person("Erna").await, lab.server.person("Morag").await);
    let eilidh = lab.server.person("Eilidh").await;
    let gone = [erna.id().await, eilidh.id().await];
    lab.pause().await;
    let waiting = lab.ordered("B-2").await;
    lab.until_status(&waiting, "PINNED").await;
    letters_are_noted(&lab.world).await;
    let old_key = strangers::key(&lab.server.visitor()).await;
    let kept = bundle(&lab.world).await;
    let then = now(&lab.world).await;
    let log_then = lab.world.log().await;
    let letters_then = letters(&lab.server.data_folder, log_then.len() as i64);
    let survived = receipt(&lab, &backup, "survived", &waiting).await;

    // After it: both mints, somebody comes, somebody goes for good, somebody signs out.
    lab.resume().await;
    lab.mined_until(&waiting, "CONFIRMED").await;
    let unknown = lab.ordered("B-3").await;
    lab.mined_until(&unknown, "CONFIRMED").await;
    let late = lab.server.person("Late").await;
    for person in [&erna, &eilidh] {
        let request = person.request(Method::DELETE, "/api/v1/users/me");
        Answer::of(request.json(&json!({ "password": person.password }))).await.expect(200);
    }
    morag.post("/api/v1/auth/logout", json!({})).await.expect(200);
    let tokens = lab.tokens().await;
    lab.world.stream_equals_log().await;
    let lost = lab.world.log().await.split_off(log_then.len());
    let too_new = bundle(&lab.world).await;
    let head_lost = receipt(&lab, &backup, "head-lost", &waiting).await;
    let event_lost = receipt(&lab, &backup, "event-lost", &unknown).await;

    backup.has_come(&lab.world).await;
    lab.kill().await;
    backup.restore(&mut lab.world, Some(&then)).await;
    assert_eq!(lab.world.log().await, log_then);

    // Nobody writes yet, and the ledger's name is used up.
    let refused = run(&beside(&lab, &[]), &["tenant", "create", "--name", "Early"], "").await;
    let refused = refused.unwrap_err();
    assert!(refused.contains("read-only"), "{refused}");
    let lost_to = backup.folder.path().join("lost.jsonl");
    let words = ["restore", "finish", "--output", "json", "--lost-to", lost_to.to_str().unwrap()];
    let refused = run(&beside(&lab, &[]), &words, "").await.unwrap_err();
    assert!(refused.contains("set another ledger.origin"), "{refused}");
    // Neither without its file, nor with one of yesterday.
    let head = std::fs::read(&head_file).unwrap();
    std::fs::remove_file(&head_file).unwrap();
    let refused = run(&beside(&lab, &[]), &words, "").await.unwrap_err();
    assert!(refused.contains("head file is gone"), "{refused}");
    std::fs::write(&head_file, stale_head).unwrap();
    let refused = run(&beside(&lab, &[]), &words, "").await.unwrap_err();
    assert!(refused.contains("is not its last one"), "{refused}");
    std::fs::write(&head_file, head).unwrap();
    assert_eq!(lab.world.log().await, log_then);

    // It dies in the middle: the restore is recorded, nobody is erased yet.
    let settings = beside(&lab, &[NEW_ORIGIN]);
    killed_at_table("eventstore.vault_keys", &lab.world, &settings, &words).await;
    assert!(lab.world.log().await.len() > log_then.len());
    let said = run(&beside(&lab, &[NEW_ORIGIN]), &words, "").await.unwrap();
    let outcome: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(outcome["from"], log_then.len(), "{outcome}");
    assert_eq!(outcome["proven"], true, "{outcome}");
    // What it had asked the database for as it died was done; the other one was left.
    assert_eq!(outcome["erasedAgain"], 1, "{outcome}");
    let erased = lab.events("user.erased").await;
    for id in &gone {
        assert_eq!(erased.iter().filter(|event| event["aggregateId"] == **id).count(), 1);
    }
    assert_eq!(outcome["lost"]["user.erased"], 2, "{outcome}");
    let counted: u64 =
        outcome["lost"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counted, lost.len() as u64);
    let lines = std::fs::read_to_string(&lost_to).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |(line, (position, envelope)): (&Value, &(i64, String))| {
        line["position"] == *position && line["envelope"] == envelope.as_str()
    };
    assert!(lines.len() == lost.len() && lines.iter().zip(&lost).all(told));

    // Once more changes nothing.
    let log = lab.world.log().await;
    let said = run(&beside(&lab, &[NEW_ORIGIN]), &words, "").await.unwrap();
    let outcome: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(outcome["lost"], json!({}), "{outcome}");
    assert_eq!(lab.world.log().await, log);

    // Whoever still has the old name configured signs nothing with it, and gets no further restore.
    // Not even from another machine, whose head file knows nothing of it.
    let elsewhere = backup.folder.path().join("head-elsewhere");
    let elsewhere = ("CASKCHAIN_LEDGER__HEAD_FILE", elsewhere.to_str().unwrap());
    lab.start_again(&[elsewhere]).await;
    until("the old name is refused", || async {
        lab.server.log_text().contains("its name ended in a restore").then_some(())
    })
    .await;
    lab.kill().await;
    let refused = run(&beside(&lab, &[]), &words, "").await.unwrap_err();
    assert!(refused.contains("ended in an earlier restore"), "{refused}");

    lab.start_again(&[NEW_ORIGIN]).await;
    let refused = run(&beside(&lab, &[NEW_ORIGIN]), &words, "").await.unwrap_err();
    assert!(refused.contains("stop all its processes"), "{refused}");
    lab.keeper = lab.server.administrator().await;
    lab.isla = lab.isla.clone().signed_in().await;
    let restored = lab.events("ledger.restored").await;
    assert_eq!(restored.len(), 1);
    assert_eq!(restored[0]["data"]["from"], log_then.len());
    assert_eq!(restored[0]["data"]["signed"]["origin"], "localhost/caskchain");
    erna.at(&lab.server.url).login(&erna.password).await.expect(401);
    late.at(&lab.server.url).login(&late.password).await.expect(401);
    morag.at(&lab.server.url).refresh(&morag.refresh_token).await.expect(401);

    // The chain is asked before a nonce is given, and the contract has the last word.
    let reconciled = async |more: &[&str]| {
        let words = [&["contract", "reconcile", "--output", "json"], more].concat();
        let (code, said) = ended(&beside(&lab, &[NEW_ORIGIN]), &words).await;
        let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let verdict =
            |of: Value| (of["tokenId"].as_str().map(str::to_owned), of["verdict"].clone());
        (code, lines.map(verdict).collect::<Vec<_>>())
    };
    lab.resume().await;
    assert_eq!(lab.until_status(&waiting, "HELD").await["hold"], "already_on_chain");
    let (code, told) = reconciled(&[]).await;
    assert_eq!(code, 1);
    for (token, verdict) in
        [(&first, "agreed"), (&second, "agreed"), (&waiting, "adoptable"), (&unknown, "unknown")]
    {
        assert!(told.contains(&(Some(token.clone()), json!(verdict))), "{told:?}");
    }
    reconciled(&["--adopt"]).await;
    lab.until_status(&waiting, "CONFIRMED").await;
    let next = lab.ordered("B-4").await;
    lab.mined_until(&next, "CONFIRMED").await;
    let mut expected = tokens;
    expected.insert(next.clone(), 1);
    assert_eq!(lab.tokens().await, expected);

    // The stream is the log again; nobody was written to twice.
    lab.server.person("New").await;
    lab.world.stream_equals_log().await;
    assert_eq!(letters(&lab.server.data_folder, log_then.len() as i64), letters_then);

    // Strangers see the same log as before, up to where it was cut, and are told where that is.
    let new_key = strangers::key(&lab.server.visitor()).await;
    let whole = bundle(&lab.world).await;
    let earlier = kept.checkpoint();
    let earlier = ["--earlier", earlier.to_str().unwrap(), "--earlier-key", &old_key];
    whole.holds(&new_key, &earlier).await;
    let earlier = too_new.checkpoint();
    let earlier = ["--earlier", earlier.to_str().unwrap(), "--earlier-key", &old_key];
    let told = format!("lost what stood from {} on", log_then.len());
    whole.is_refuted_for((&new_key, &earlier), "CONSISTENCY", &told).await;
    // So are those who kept receipts: of what is left, of what is left under a head that is not, of the rest.
    let with_old = ["--earlier-key", &old_key, "--receipt"];
    whole.holds(&new_key, &[&with_old[..], &[&survived]].concat()).await;
    for lost in [&head_lost, &event_lost] {
        let words = [&with_old[..], &[lost]].concat();
        whole.is_refuted_for((&new_key, &words), "RECEIPTS", &told).await;
    }
    let (code, said) = ended(&beside(&lab, &[NEW_ORIGIN]), &["projections", "diff"]).await;
    assert_eq!((code, said.as_str()), (0, ""));
}

#[tokio::test]
async fn with_all_that_was_written_at_hand_nothing_is_lost_not_even_with_the_stream() {
    let mut lab = MintLab::new(&[]).await;
    let backup = Backup::begin(&lab.world).await;
    backup.is_waited_for(&lab.world).await;
    backup.take(&[]).await;
    lab.isla.cask("A-0").await;
    backup.take(&["--keep", "1"]).await;
    let bases = std::fs::read_dir(backup.folder.path().join("base")).unwrap();
    assert_eq!(bases.count(), 1);
    let cask = lab.isla.cask("A-1").await;
    lab.server.person("Morag").await;
    letters_are_noted(&lab.world).await;
    let key = strangers::key(&lab.server.visitor()).await;
    let kept = bundle(&lab.world).await;
    let log = lab.world.log().await;
    let sent = letters(&lab.server.data_folder, log.len() as i64);
    let last = lab.isla.cask("A-2").await;
    lab.kill().await;
    lab.world.nats.kill().await.unwrap();
    lab.world.forget_streams();
    lab.world.nats.start_again().await.unwrap();
    backup.restore(&mut lab.world, None).await;
    let log_now = lab.world.log().await;
    assert_eq!(&log_now[..log.len()], log);
    let is_last = |(_, envelope): &(i64, String)| envelope.contains(&last);
    assert!(log_now.iter().any(is_last), "what was answered is lost");

    let words = ["restore", "finish", "--output", "json"];
    let refused = run(&beside(&lab, &[]), &words, "").await.unwrap_err();
    assert!(refused.contains("the stream is gone"), "{refused}");
    let words = [words.as_slice(), &["--without-stream"]].concat();
    let (code, said) = ended(&beside(&lab, &[]), &words).await;
    let outcome: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((code, &outcome["signed"], &outcome["lost"]), (0, &Value::Null, &json!({})));
    lab.start_again(&[]).await;
    lab.isla.get(&format!("/api/v1/whiskeys/{cask}")).await.expect(200);
    lab.server.person("New").await;
    lab.world.stream_equals_log().await;
    assert_eq!(letters(&lab.server.data_folder, log.len() as i64), sent);
    let earlier = kept.checkpoint();
    bundle(&lab.world).await.holds(&key, &["--earlier", earlier.to_str().unwrap()]).await;
    assert_eq!(lab.events("ledger.restored").await.len(), 1);
}

#[tokio::test]
async fn restored_twice_from_one_backup_and_stopped_by_what_it_cannot_read() {
    let mut world = World::new().await;
    let server = world.server().await;
    let backup = Backup::begin(&world).await;
    backup.take(&[]).await;
    let (erna, morag) = (server.person("Erna").await, server.person("Morag").await);
    let id = erna.id().await;
    let then = now(&world).await;
    let log_then = world.log().await;
    let erase = erna.request(Method::DELETE, "/api/v1/users/me");
    Answer::of(erase.json(&json!({ "password": erna.password }))).await.expect(200);
    world.stream_equals_log().await;
    bundle(&world).await;
    backup.has_come(&world).await;
    let beside = |origin: &str| {
        let kek = server.key_encryption_key();
        let folder = world.data_folder();
        world.settings(&[
            ("CASKCHAIN_KEY_ENCRYPTION_KEY", kek.as_str()),
            ("CASKCHAIN_DATA_FOLDER", folder.to_str().unwrap()),
            ("CASKCHAIN_LEDGER__ORIGIN", origin),
            ("CASKCHAIN_CHAIN__CONTRACT", NOBODY),
            ("CASKCHAIN_CHAIN__CUSTODY", NOBODY),
        ])
    };
    let (second, third) = (beside("casks.example/2"), beside("casks.example/3"));
    let lost_to = backup.folder.path().join("lost.jsonl");
    let words = ["restore", "finish", "--output", "json", "--lost-to", lost_to.to_str().unwrap()];

    // It dies when the ledger has its new name and the stream still is of what is no more.
    server.kill().await;
    backup.restore(&mut world, Some(&then)).await;
    killed_at_table("eventstore.progress", &world, &second, &words).await;
    let log = world.log().await;
    run(&second, &words, "").await.unwrap();
    assert_eq!(world.log().await, log);
    let server = world.server_with(&[NEW_ORIGIN]).await;
    erna.at(&server.url).login(&erna.password).await.expect(401);
    morag.at(&server.url).login(&morag.password).await.expect(200);
    world.stream_equals_log().await;

    // A newer version wrote something, and is gone with it.
    let at = world.append("user", &id, |event, _| event["type"] = json!("user.knighted")).await;
    until("it is published", || async {
        let stream = world.stream().await;
        stream.iter().any(|(position, _)| *position == at).then_some(())
    })
    .await;
    server.kill().await;
    backup.restore(&mut world, Some(&then)).await;
    assert_eq!(world.log().await, log_then);
    let lost_to = backup.folder.path().join("lost-again.jsonl");
    let words = ["restore", "finish", "--lost-to", lost_to.to_str().unwrap()];
    let refused = run(&third, &words, "").await.unwrap_err();
    let told = format!("the lost user.knighted at position {at} is not known here");
    assert!(refused.contains(&told), "{refused}");
    assert_eq!(world.log().await, log_then);
}
