//! Attacks on the log, each by somebody who holds the database, or the bundle, in their hands; and what
//! an auditor says.

use serde_json::{Value, json};

use crate::world::auditor::Bundle;
use crate::world::{Server, World, run, strangers, until};

/// A log with some casks in it, and an auditor's first bundle.
struct Crime {
    world: World,
    server: Server,
    key: String,
    bundle: Bundle,
}

impl Crime {
    async fn new() -> Self {
        let world = World::new().await;
        let server = world.server().await;
        let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
        for number in 0..4 {
            let id = isla.cask(&format!("A-{number}")).await;
            keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
        }
        let key = strangers::key(&isla).await;
        world.until_signed().await;
        let bundle = Bundle::of(&world, &[]).await;
        bundle.holds(&key, &[]).await;
        Self { world, server, key, bundle }
    }

    /// Has the first bundle changed, and asks what is wrong with it.
    async fn in_bundle(
        &self,
        claim: &str,
        position: u64,
        words: &str,
        attack: impl FnOnce(&mut Vec<Value>),
    ) {
        let honest = self.bundle.lines();
        let mut lines = honest.clone();
        attack(&mut lines);
        self.bundle.put_lines(&lines);
        self.bundle.is_refuted((&self.key, &[]), claim, Some(position), words).await;
        self.bundle.put_lines(&honest);
    }

    /// The owner of the database does as they like.
    async fn in_database(&self, statements: &str) {
        let statements = format!(
            "set session_replication_role = replica; {statements}; reset session_replication_role"
        );
        sqlx::raw_sql(&statements).execute(&self.world.database().await).await.unwrap();
    }

    /// The head the auditor kept.
    fn kept(&self) -> String {
        self.bundle.checkpoint().to_str().unwrap().to_owned()
    }
}

fn count(lines: &[Value]) -> u64 {
    lines.len() as u64
}

#[tokio::test]
async fn whatever_is_done_to_a_bundle_is_found_where_it_was_done() {
    let crime = Crime::new().await;
    // A byte.
    crime
        .in_bundle("EVENTS", 7, "it was changed", |lines| {
            let envelope = lines[7]["envelope"].as_str().unwrap().replacen(':', ": ", 1);
            lines[7]["envelope"] = json!(envelope);
        })
        .await;
    // What the log adds to it.
    crime
        .in_bundle("EVENTS", 5, "it was changed", |lines| {
            lines[5]["recordedAt"] = json!("2020-01-01T00:00:00.000Z");
        })
        .await;
    crime
        .in_bundle("EVENTS", 6, "it was changed", |lines| lines[6]["tenantPosition"] = json!(99))
        .await;
    // An event taken out, put in, moved; the tail cut off.
    crime.in_bundle("EVENTS", 4, "is missing", |lines| drop(lines.remove(4))).await;
    crime
        .in_bundle("EVENTS", 8, "not in its place", |lines| lines.insert(9, lines[8].clone()))
        .await;
    let end = count(&crime.bundle.lines());
    crime
        .in_bundle("EVENTS", end, "not in its place", |lines| {
            let mut new = lines.last().unwrap().clone();
            new["position"] = json!(end);
            lines.push(new);
        })
        .await;
    crime.in_bundle("EVENTS", 3, "is missing", |lines| lines.swap(3, 4)).await;
    crime
        .in_bundle("EVENTS", 2, "it was changed", |lines| {
            let (one, other) = (lines[2]["envelope"].clone(), lines[3]["envelope"].clone());
            (lines[2]["envelope"], lines[3]["envelope"]) = (other, one);
        })
        .await;
    crime
        .in_bundle("EVENTS", end - 2, "2 events are missing", |lines| {
            lines.truncate(lines.len() - 2)
        })
        .await;

    // A byte that is no text any more.
    let events = crime.bundle.events();
    let honest = std::fs::read(&events).unwrap();
    let (at, _) = honest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(3).unwrap();
    let mut forged = honest.clone();
    forged[at + 40] ^= 0x80;
    std::fs::write(&events, forged).unwrap();
    crime.bundle.is_refuted((&crime.key, &[]), "EVENTS", Some(4), "no event").await;
    std::fs::write(&events, honest).unwrap();
    // Times that nobody can write.
    for time in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "never"] {
        crime
            .in_bundle("EVENTS", 5, "is no time", |lines| lines[5]["recordedAt"] = json!(time))
            .await;
    }
    // The entries that tools begin with.
    let entries = crime.bundle.path().join("tile/entries/000.p");
    let entries = std::fs::read_dir(entries).unwrap().next().unwrap().unwrap().path();
    let honest = std::fs::read(&entries).unwrap();
    let mut forged = honest.clone();
    forged[40] ^= 1;
    for forged in [forged, honest[..70].to_vec(), honest[..69].to_vec(), vec![]] {
        std::fs::write(&entries, forged).unwrap();
        let words = "has not the entries of";
        crime.bundle.is_refuted((&crime.key, &[]), "TREE", Some(0), words).await;
    }
    std::fs::remove_file(&entries).unwrap();
    crime.bundle.is_refuted((&crime.key, &[]), "TREE", Some(0), "tile/entries/000.p").await;
    std::fs::write(&entries, honest).unwrap();

    // A tile; the head; another log's key; a bundle that is none.
    let tile = crime.bundle.path().join("tile/0/000.p");
    let tile = std::fs::read_dir(tile).unwrap().next().unwrap().unwrap().path();
    let honest = std::fs::read(&tile).unwrap();
    let mut forged = honest.clone();
    forged[3 * 32] ^= 1;
    std::fs::write(&tile, forged).unwrap();
    let words = "has not the entries of";
    crime.bundle.is_refuted((&crime.key, &[]), "TREE", Some(0), words).await;
    let report = crime.bundle.verdict(&crime.key, &[]).await.report;
    assert!(report["findings"].to_string().contains("another root"), "{report:#}");
    std::fs::write(&tile, honest).unwrap();
    let head = std::fs::read_to_string(crime.kept()).unwrap();
    std::fs::write(
        crime.kept(),
        head.replacen(&format!("\n{end}\n"), &format!("\n{}\n", end - 1), 1),
    )
    .unwrap();
    crime.bundle.is_refuted((&crime.key, &[]), "CHECKPOINT", None, "not one of this text").await;
    // One that speaks of more events than anybody could look for.
    let contents = crime.bundle.path().join("bundle.json");
    let honest = std::fs::read_to_string(&contents).unwrap();
    let endless = (1_u64 << 62).to_string();
    let (from, to) = (format!("\n{end}\n"), format!("\n{endless}\n"));
    std::fs::write(crime.kept(), head.replacen(&from, &to, 1)).unwrap();
    let page = honest.replace(&format!("\"size\": {end}"), &format!("\"size\": {endless}"));
    assert_ne!(page, honest);
    std::fs::write(&contents, page).unwrap();
    crime.bundle.is_refuted((&crime.key, &[]), "CHECKPOINT", None, "not one of this text").await;
    std::fs::write(&contents, honest).unwrap();
    std::fs::write(crime.kept(), &head).unwrap();
    crime.bundle.holds(&crime.key, &[]).await;
    let other = "log.example/1+c74f20a3+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(crime.bundle.verdict(other, &[]).await.code, 2, "a wrong id");
    std::fs::remove_file(crime.bundle.path().join("bundle.json")).unwrap();
    assert_eq!(crime.bundle.verdict(&crime.key, &[]).await.code, 2);
}

/// How many events a tenant has is in no tree: what it is told of its own is.
#[tokio::test]
async fn whoever_leaves_out_the_last_of_a_tenant_is_found_by_its_receipt() {
    let crime = Crime::new().await;
    let (mairi, keeper) = (crime.server.person("Mairi").await, crime.server.administrator().await);
    let cask = mairi.cask("M-1").await;
    let approve = format!("/api/v1/whiskeys/{cask}/approve");
    let last = keeper.put(&approve).await.expect(200).position();
    let folder = tempfile::tempdir().unwrap();
    let kept = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let receipt = kept("receipt", mairi.receipt(last).await);
    let before = kept("before", mairi.receipt(last - 1).await);
    let stream = format!("whiskey/{cask}");
    let at = Some(last.cast_unsigned());
    for of in [["--tenant", "1"], ["--stream", stream.as_str()]] {
        let bundle = Bundle::of(&crime.world, &of).await;
        let with = [&of[..], &["--receipt", &receipt, "--receipt", &before]].concat();
        bundle.holds(&crime.key, &with).await;
        let mut lines = bundle.lines();
        let cut = lines.iter().position(|line| line["position"].as_i64() == Some(last)).unwrap();
        lines.truncate(cut);
        bundle.put_lines(&lines);
        let contents = bundle.path().join("bundle.json");
        let mut page: Value = serde_json::from_slice(&std::fs::read(&contents).unwrap()).unwrap();
        page["events"] = json!(lines.len());
        std::fs::write(&contents, page.to_string()).unwrap();
        // Nothing else in it tells.
        bundle.holds(&crime.key, &of).await;
        bundle.is_refuted((&crime.key, &with), "RECEIPTS", at, "left out").await;
    }
    // Of what nobody has asked for.
    let (from, to) = ((last - 3).to_string(), last.to_string());
    let beside = ["--from", &from, "--before", &to];
    let bundle = Bundle::of(&crime.world, &beside).await;
    bundle.holds(&crime.key, &[&beside[..], &["--receipt", &before]].concat()).await;
    let outside = [&beside[..], &["--receipt", &receipt]].concat();
    assert_eq!(bundle.verdict(&crime.key, &outside).await.code, 2);
    // A bundle from before, and one from after, whose tail is cut off.
    crime
        .bundle
        .is_refuted((&crime.key, &["--receipt", &receipt]), "RECEIPTS", at, "cut off")
        .await;
    let old = crime.bundle.lines()[3]["position"].as_i64().unwrap();
    let old = kept("old", mairi.receipt(old).await);
    crime.bundle.holds(&crime.key, &["--receipt", &old]).await;
    // A receipt that was changed, one that is none, and none.
    let whole = Bundle::of(&crime.world, &[]).await;
    whole.holds(&crime.key, &["--receipt", &receipt]).await;
    let text = std::fs::read_to_string(&receipt).unwrap();
    let forged = text.replacen(&format!("index {last}"), &format!("index {}", last - 1), 1);
    let forged = kept("forged", forged);
    let words = "not the one at its place";
    let forged = ["--receipt", &forged];
    whole.is_refuted((&crime.key, &forged), "RECEIPTS", at.map(|last| last - 1), words).await;
    let none = kept("none", "nothing".to_owned());
    for path in [none, format!("{receipt}-absent")] {
        assert_eq!(whole.verdict(&crime.key, &["--receipt", &path]).await.code, 2, "{path}");
    }
}

#[tokio::test]
async fn an_event_that_was_changed_in_the_database_is_not_what_was_signed() {
    let crime = Crime::new().await;
    crime
        .in_database(
            "update eventstore.events set envelope = replace(envelope, '\"occurredAt\":\"20',
                 '\"occurredAt\":\"19') where position = 9",
        )
        .await;
    let forged = Bundle::of(&crime.world, &[]).await;
    forged.is_refuted((&crime.key, &[]), "EVENTS", Some(9), "it was changed").await;
    // The columns that only repeat the envelope are not believed by anybody.
    drop(crime.server);
}

#[tokio::test]
async fn a_history_that_was_written_anew_is_not_signed_by_the_signer_of_the_old_one() {
    let crime = Crime::new().await;
    let rewriting = "
        update eventstore.events set envelope = replace(envelope, 'A-2', 'Z-2')
        where event_type = 'whiskey.registered';
        update eventstore.events set leaf = eventstore.leaf(tenant, tenant_position,
            (extract(epoch from recorded_at) * 1000)::bigint, envelope);
        truncate eventstore.ledger_tiles, eventstore.checkpoints cascade;
        update eventstore.ledger set size = 0";
    let Crime { world, server, key, bundle } = crime;
    let pid = server.pid;
    server.kill().await;
    until("it is gone", || async { (!crate::world::is_alive(pid)).then_some(()) }).await;
    let crime = Crime { server: world.server().await, world, key, bundle };
    crime.server.signal(rustix::process::Signal::STOP);
    crime.in_database(rewriting).await;
    let pid = crime.server.pid;
    crime.server.signal(rustix::process::Signal::KILL);
    until("it is gone", || async { (!crate::world::is_alive(pid)).then_some(()) }).await;

    // The signer knows what it signed.
    let server = crime.world.server().await;
    until("the signer refuses", || async {
        server.log_text().contains("ALARM the ledger stands still").then_some(())
    })
    .await;
    server.visitor().get("/api/v1/ledger/checkpoint").await.refused(404, "NOT_FOUND");
    server.kill().await;

    // With the signer's memory gone as well, the log is signed again, under the same key: whoever
    // kept a head knows.
    std::fs::remove_file(crime.world.data_folder().join("ledger/head")).unwrap();
    let _server = crime.world.server().await;
    crime.world.until_signed().await;
    let forged = Bundle::of(&crime.world, &[]).await;
    forged.holds(&crime.key, &[]).await;
    let earlier = ["--earlier", &crime.kept()];
    let words = "rewritten";
    forged.is_refuted((&crime.key, &earlier), "CONSISTENCY", None, words).await;
}

#[tokio::test]
async fn a_read_model_that_was_edited_is_not_what_the_log_makes_of_it() {
    let Crime { world, server, key, bundle } = Crime::new().await;
    let kek = server.key_encryption_key();
    let settings = world.settings(&[("CASKCHAIN_KEY_ENCRYPTION_KEY", &kek)]);
    let compared = async || {
        let bundle = bundle.path().to_str().unwrap();
        let words = ["audit", "verify", bundle, "--key", &key, "--database", "--output", "json"];
        run(&settings, &words, "").await
    };
    let honest: Value = serde_json::from_str(&compared().await.unwrap()).unwrap();
    let last = honest["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(last["claim"], "READ_MODELS");
    assert!(last["seen"].as_str().unwrap().starts_with("13 read models"), "{honest}");

    let database = world.database().await;
    for (name, edit) in [
        ("whiskeys", "update read_whiskeys.whiskeys set status = 'RETIRED'"),
        ("sessions", "delete from read_sessions.sessions"),
    ] {
        let words = ["projections", "diff", "--name", name];
        run(&settings, &words, "").await.unwrap();
        let edited = sqlx::query(edit).execute(&database).await.unwrap().rows_affected();
        assert!(edited > 0, "{edit}");
        assert!(run(&settings, &words, "").await.is_err(), "{edit}");
    }
    let unknown = run(&settings, &["projections", "diff", "--name", "barrels"], "").await;
    assert!(unknown.unwrap_err().contains("no read model of this name"));
    assert!(compared().await.is_err());
    // One that was set back, with nothing in it that is wrong.
    let pid = server.pid;
    server.kill().await;
    until("it is gone", || async { (!crate::world::is_alive(pid)).then_some(()) }).await;
    sqlx::query("update read_nfts.checkpoint set position = 3").execute(&database).await.unwrap();
    let verdict = bundle.verdict_with(&settings, &key, &["--database"]).await;
    assert!(verdict.report.to_string().contains("nfts stands at 4 of "), "{verdict:?}");
    // Another log is another log, also where its read models are all in order.
    let other = World::new().await;
    let elsewhere = other.server().await;
    let beside = elsewhere.person("Mairi").await;
    for number in 0..40 {
        beside.cask(&format!("M-{number}")).await;
    }
    let kek = elsewhere.key_encryption_key();
    let settings = other.settings(&[("CASKCHAIN_KEY_ENCRYPTION_KEY", &kek)]);
    let verdict = bundle.verdict_with(&settings, &key, &["--database"]).await;
    assert_eq!(verdict.code, 1, "{verdict:?}");
    let first = &verdict.report["findings"][0];
    assert_eq!(first["claim"], "READ_MODELS", "{verdict:?}");
    assert!(first["what"].as_str().unwrap().contains("another log"), "{verdict:?}");
    // Nothing is left behind.
    let left = "select count(*) from pg_namespace where nspname like '%replayed'";
    let (left,): (i64,) = sqlx::query_as(left).fetch_one(&database).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_event_that_no_rule_allows_is_found_though_it_is_signed() {
    let crime = Crime::new().await;
    // A cask that is approved twice, by an owner, or moved after its end: appended by somebody who has
    // the database, past all rules, and signed like everything else.
    let approved = crime.world.newest("whiskey.approved").await;
    let id = approved["aggregateId"].as_str().unwrap().to_owned();
    let position = crime.world.append("whiskey", &id, |_, _| {}).await;
    crime.world.until_signed().await;
    let bundle = Bundle::of(&crime.world, &[]).await;
    let at = Some(position.cast_unsigned());
    bundle.is_refuted((&crime.key, &[]), "RULES", at, "while the whiskey is APPROVED").await;
    let report = bundle.holds(&crime.key, &["--without-rules"]).await;
    assert!(report["limits"].to_string().contains("follow from the rules"), "{report}");
    // A token that is ordered for a cask that nobody has approved.
    let cask = crime.server.person("Mairi").await.cask("M-1").await;
    let registered = crime.world.newest("whiskey.registered").await;
    let mut ordered = approved.clone();
    let address = format!("0x{}", "57".repeat(20));
    ordered["aggregateType"] = json!("nft");
    ordered["aggregateId"] = json!(cask);
    ordered["sequence"] = json!(1);
    ordered["type"] = json!("nft.mint_requested");
    ordered["schemaVersion"] = json!(1);
    ordered["data"] = json!({
        "whiskey": cask, "owner": registered["data"]["owner"],
        "order": {
            "network": "development", "chainId": 31337, "contract": address, "recipient": address,
        },
    });
    let position = crime.world.append_all(&[ordered]).await;
    crime.world.until_signed().await;
    let nft = format!("nft/{cask}");
    let bundle = Bundle::of(&crime.world, &[]).await;
    let findings = bundle.verdict(&crime.key, &[]).await.report["findings"].clone();
    assert_eq!(findings[1]["position"], position, "{findings}");
    assert!(findings[1]["what"].as_str().unwrap().contains("no tokenisation of its"), "{findings}");
    // Alone, it says nothing of its cask.
    let alone = Bundle::of(&crime.world, &["--stream", &nft]).await;
    alone.holds(&crime.key, &["--stream", &nft]).await;
    // What nobody can read is found without them, too, and in a stretch.
    for (kind, version, words) in
        [("x.y", 1, "unknown variant"), ("whiskey.approved", 99, "version 99 is not known")]
    {
        let spoil = |event: &mut Value, _: &[Value]| {
            (event["type"], event["schemaVersion"]) = (json!(kind), json!(version));
        };
        let position = crime.world.append("whiskey", &id, spoil).await;
        let (from, before) = (position.to_string(), (position + 1).to_string());
        crime.world.until_signed().await;
        let at = Some(position.cast_unsigned());
        let stretch = vec!["--from", &from, "--before", &before];
        let bundle = Bundle::of(&crime.world, &stretch).await;
        bundle.is_refuted((&crime.key, &stretch), "DECODING", at, words).await;
        let bundle = Bundle::of(&crime.world, &[]).await;
        let findings =
            bundle.verdict(&crime.key, &["--without-rules"]).await.report["findings"].clone();
        let found = findings.as_array().unwrap().iter().find(|it| it["position"] == position);
        assert!(found.unwrap()["what"].as_str().unwrap().contains(words), "{findings}");
    }
    // Nothing of what was asked for is no proof of anything.
    let none = ["--stream", "whiskey/1"];
    let bundle = Bundle::of(&crime.world, &none).await;
    bundle.is_refuted((&crime.key, &none), "EVENTS", None, "not one event").await;
    drop(crime.server);
}
