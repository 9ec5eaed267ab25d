//! What was: casks, people and tokens as they were at a position of the log, or at a time.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::auditor::receipt_of;
use crate::world::{Answer, Person, World, calm, cask, strangers, until};

/// Remembers what a read answered after each command.
struct Memory<'a> {
    person: &'a Person,
    path: String,
    seen: Vec<(i64, Value)>,
}

impl Memory<'_> {
    async fn after(&mut self, answer: Answer) -> Answer {
        let position = answer.position();
        let now = self.person.get_at(&self.path, position).await.expect(200);
        self.seen.push((position, now.data().clone()));
        answer
    }

    /// Every answer of then is given again, however much has happened since.
    async fn is_given_again(&self) {
        for (position, then) in &self.seen {
            let again = self.person.get(&format!("{}?asOf={position}", self.path)).await;
            let again = again.expect(200);
            assert_eq!(again.data(), then, "{position}");
            let made_of = &again.body["madeOf"];
            assert_eq!(made_of["position"], position.to_string());
            let events = made_of["events"].as_array().unwrap().iter();
            let at = |event: &Value| event["position"].as_str().unwrap().parse().unwrap();
            let events: Vec<i64> = events.map(at).collect();
            assert!(events.is_sorted() && events.last() <= Some(position), "{made_of} {position}");
        }
        let different: BTreeSet<_> = self.seen.iter().map(|(_, then)| then.to_string()).collect();
        assert_eq!(different.len(), self.seen.len(), "nothing had changed");
    }
}

#[tokio::test]
async fn a_cask_is_shown_as_it_was_after_each_command_of_its_life() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let mairi = server.person("Mairi").await;
    let registered = isla.post("/api/v1/whiskeys", cask("A-1")).await.expect(201);
    let path = format!("/api/v1/whiskeys/{}", registered.data()["id"].as_str().unwrap());
    let to = |rest: &str| format!("{path}{rest}");
    let mut memory = Memory { person: &isla, path: path.clone(), seen: Vec::new() };
    let registered = memory.after(registered).await;

    let reason = json!({ "reason": "the strength is wrong" });
    memory.after(keeper.put_json(&to("/reject"), reason).await.expect(200)).await;
    let mut right = cask("A-1");
    right["alcoholContent"] = json!("61.00");
    memory.after(isla.put_json(&path, right).await.expect(200)).await;
    memory.after(isla.post(&to("/resubmit"), json!({})).await.expect(200)).await;
    memory.after(keeper.put(&to("/approve")).await.expect(200)).await;
    for (what, body) in [
        ("/valuations", json!({ "value": { "amount": "4200.50", "currency": "EUR" } })),
        ("/regauges", json!({ "volume": "200.00", "alcoholContent": "60.00" })),
        ("/movements", json!({ "storageLocation": { "warehouse": "W9" } })),
        ("/condition-reports", json!({ "condition": "a weeping stave" })),
        ("/transfer", json!({ "to": mairi.id().await })),
    ] {
        memory.after(isla.post(&to(what), body).await.expect(200)).await;
    }
    memory.after(isla.delete(&to("/transfer")).await.expect(200)).await;
    let file =
        isla.upload("a.pdf", [b"%PDF-1.7\n".as_slice(), &[b'x'; 90]].concat()).await.expect(201);
    let file = file.data()["id"].as_str().unwrap().to_owned();
    let attach = json!({ "fileId": file, "role": "document" });
    memory.after(isla.post(&to("/files"), attach).await.expect(200)).await;
    memory.after(isla.delete(&to(&format!("/files/{file}"))).await.expect(200)).await;
    let offer = json!({ "to": mairi.id().await });
    memory.after(isla.post(&to("/transfer"), offer).await.expect(200)).await;
    memory.after(mairi.post(&to("/transfer/accept"), json!({})).await.expect(200)).await;
    let lost = json!({ "reason": "lost" });
    let last = memory.after(mairi.post(&to("/retire"), lost).await.expect(200)).await;
    memory.is_given_again().await;
    let last_seen = until("a head covers all it was made of", || async {
        let seen = isla.get(&format!("{path}?asOf={}", last.position())).await.expect(200);
        let events = seen.body["madeOf"]["events"].as_array().unwrap();
        events.iter().all(|event| event["path"].is_array()).then_some(seen)
    })
    .await;
    let made_of = &last_seen.body["madeOf"];
    let events = made_of["events"].as_array().unwrap();
    assert_eq!(made_of["count"], events.len());
    let happened = mairi.get_at(&to("/history?limit=100"), last.position()).await.expect(200);
    let happened: Vec<_> =
        happened.data().as_array().unwrap().iter().map(|event| &event["position"]).collect();
    let positions: Vec<_> = events.iter().map(|event| &event["position"]).collect();
    assert_eq!(positions, happened);
    // Each is proven by what the answer brings, for anybody.
    let key = strangers::key(&server.visitor()).await;
    for event in events {
        strangers::sigstore(&receipt_of(event, made_of).to_string(), &key).await.unwrap();
    }

    // By the time of what was recorded last then.
    let database = calm.world.database().await;
    for (position, then) in &memory.seen {
        let sql =
            "select to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
            from eventstore.events where position = $1";
        let time: String =
            sqlx::query_scalar(sql).bind(position).fetch_one(&database).await.unwrap();
        let again = isla.get(&to(&format!("?asOf={time}"))).await.expect(200);
        assert_eq!(again.data(), then, "{time}");
    }

    let as_of = async |text: &str| isla.get(&to(&format!("?asOf={text}"))).await;
    let before = (registered.position() - 1).to_string();
    as_of(&before).await.refused(404, "WHISKEY_NOT_FOUND");
    as_of("2020-01-01T00:00:00Z").await.refused(404, "WHISKEY_NOT_FOUND");
    let beyond = (last.position() + 1_000_000).to_string();
    for bad in ["", "x", "-1", "1.5", "%2B1", "99999999999999999999", "2026-11-21", &beyond] {
        let refused = as_of(bad).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.body["error"]["field"], "asOf", "{bad}");
    }
    as_of("2999-01-01T00:00:00Z").await.refused(400, "VALIDATION_ERROR");
    isla.get("/api/v1/whiskeys/1?asOf=0").await.refused(404, "WHISKEY_NOT_FOUND");
}

#[tokio::test]
async fn a_person_is_shown_as_they_were_and_whoever_is_erased_is_nobody_then_either() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let id = isla.id().await;
    let change = |body: Value| async { isla.put_json("/api/v1/users/me", body).await.expect(200) };
    let mut memory = Memory { person: &isla, path: "/api/v1/users/me".into(), seen: Vec::new() };
    let named = format!("Isla {}", letters(&id));
    memory.after(change(json!({ "username": named, "language": "zh-Hans" })).await).await;
    memory.after(change(json!({ "fullName": "Isla Ferguson", "language": "en" })).await).await;
    let renamed = format!("Eilidh {}", letters(&id));
    memory.after(change(json!({ "username": renamed })).await).await;
    memory.is_given_again().await;
    let (first, then) = memory.seen[0].clone();
    assert_eq!((&then["username"], &then["fullName"]), (&json!(named), &json!("Isla")));
    let profile = isla.get(&format!("/api/v1/users/profile?asOf={first}")).await.expect(200);
    assert_eq!(profile.data(), &then);

    let seen = format!("/api/v1/users/{id}?asOf={first}");
    let shown = keeper.get(&seen).await.expect(200).data().clone();
    assert_eq!((&shown["username"], &shown["erased"]), (&json!(named), &json!(false)));
    keeper.delete(&format!("/api/v1/users/{id}")).await.expect(200);
    let erased = keeper.get(&seen).await.expect(200);
    assert_eq!(erased.data()["id"], id.as_str());
    let shown = erased.data();
    assert_eq!((&shown["username"], &shown["erased"]), (&Value::Null, &json!(true)));
    keeper.get(&format!("/api/v1/users/{id}?asOf=0")).await.refused(404, "USER_NOT_FOUND");
    keeper.get(&format!("/api/v1/users/{id}?asOf=x")).await.refused(400, "VALIDATION_ERROR");
    keeper.get("/api/v1/users/me?asOf=x").await.refused(400, "VALIDATION_ERROR");
}

/// A number in letters: names have no digits.
fn letters(number: &str) -> String {
    number.bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[tokio::test]
async fn a_token_is_shown_as_it_was_on_its_way() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let id = isla.cask("A-2").await;
    keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
    let generate = json!({ "whiskeyId": id });
    let asked = isla.post("/api/v1/nfts/generate", generate).await.expect(202).position();
    let now = isla.until_nft_is(&id, "CONFIRMED").await;

    let path = format!("/api/v1/nfts/{id}");
    let then = isla.get(&format!("{path}?asOf={asked}")).await.expect(200);
    assert_eq!(then.data()["status"], "REQUESTED");
    assert_eq!(
        (&then.data()["transaction"], &then.data()["confirmedAt"]),
        (&Value::Null, &Value::Null)
    );
    let head = calm().await.world.log().await.len() - 1;
    let last = isla.get(&format!("{path}?asOf={head}")).await.expect(200);
    assert_eq!(last.data(), &now);
    isla.get(&format!("{path}?asOf=0")).await.refused(404, "NFT_NOT_FOUND");
    isla.get(&format!("{path}?asOf=x")).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_long_life_is_folded_in_time() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let id = isla.cask("A-3").await;
    let mut event = world.newest("whiskey.registered").await;
    event["type"] = json!("whiskey.revalued");
    let revalued = |number: i64| {
        let mut event = event.clone();
        event["sequence"] = json!(number + 1);
        let amount = format!("{number}.0000");
        event["data"] = json!({ "value": { "amount": amount, "currency": "GBP" } });
        event
    };
    let events: Vec<_> = (1..=10_000).map(revalued).collect();
    let first = world.append_all(&events).await;
    for number in [1, 5_000, 10_000] {
        let as_of = first + number - 1;
        let path = format!("/api/v1/whiskeys/{id}?asOf={as_of}");
        let then = isla.get(&path).await.expect(200);
        let amount = format!("{number}.0000");
        assert_eq!(then.data()["marketValue"]["amount"], amount);
        let made_of = &then.body["madeOf"];
        assert_eq!(made_of["count"], number + 1);
        let named = usize::try_from(number + 1).unwrap().min(100);
        assert_eq!(made_of["events"].as_array().unwrap().len(), named);
        assert_eq!(made_of["events"][named - 1]["position"], as_of.to_string());
        assert_eq!(then.header("etag"), format!("\"{}\"", number + 1));
    }
}

#[tokio::test]
async fn what_somebody_could_do_then_is_told_and_proven() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let path = format!("/api/v1/users/{}/permissions", isla.id().await);
    let now = keeper.get(&path).await.expect(200).data().clone();
    assert_eq!((&now["status"], &now["roles"]), (&json!("ACTIVE"), &json!(["member"])));
    let may =
        |told: &Value, what: &str| told["permissions"].as_array().unwrap().contains(&json!(what));
    assert!(may(&now, "whiskey.register") && !may(&now, "whiskey.approve"));
    assert_eq!(isla.get(&path).await.expect(200).data(), &now);

    let events: Vec<i64> = now["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event.as_str().unwrap().parse().unwrap())
        .collect();
    let [registered, verified] = events[..] else { panic!("{now}") };
    let then = keeper.get(&format!("{path}?asOf={verified}")).await.expect(200);
    let proven = then.body["madeOf"]["events"].as_array().unwrap();
    let positions: Vec<&Value> = proven.iter().map(|event| &event["position"]).collect();
    assert_eq!(json!(positions), now["events"]);
    let before = keeper.get(&format!("{path}?asOf={registered}")).await.expect(200);
    assert_eq!(
        (&before.data()["status"], &before.data()["roles"]),
        (&json!("PENDING"), &json!([]))
    );
    keeper.get(&format!("{path}?asOf={}", registered - 1)).await.refused(404, "USER_NOT_FOUND");
    let receipt = format!("/api/v1/ledger/receipts/{verified}");
    until("its receipt is there", || async {
        (keeper.get(&receipt).await.status == 200).then_some(())
    })
    .await;

    let status = path.replace("/permissions", "/status");
    let suspended = keeper.put_json(&status, json!({ "status": "SUSPENDED" })).await.expect(200);
    let after = keeper.get(&path).await.expect(200);
    assert_eq!(after.data()["permissions"], json!([]));
    let third = after.data()["events"][2].as_str().unwrap();
    assert!(third.parse::<i64>().unwrap() <= suspended.position());
    let before = third.parse::<i64>().unwrap() - 1;
    let then = keeper.get(&format!("{path}?asOf={before}")).await.expect(200);
    assert_eq!(then.data(), &now);

    // Whose they are, and auditors.
    let stranger = server.person("Finlay").await;
    stranger.get(&path).await.refused(403, "PERMISSION_DENIED");
    let elsewhere = server.administrator_elsewhere(&calm.world).await;
    elsewhere.get(&path).await.refused(404, "USER_NOT_FOUND");
}
