//! The life of a cask after its registration: corrected, judged, measured, moved, handed on, ended.

use serde_json::{Value, json};

use crate::world::{Answer, Person, calm, cask};

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/whiskeys/{id}{rest}")
}

/// A cask that was found right.
async fn approved(owner: &Person, keeper: &Person, number: &str) -> String {
    let id = owner.cask(number).await;
    keeper.put(&path(&id, "/approve")).await.expect(200);
    id
}

async fn shown(person: &Person, id: &str, after: &Answer) -> Value {
    person.get_at(&path(id, ""), after.position()).await.expect(200).data().clone()
}

#[tokio::test]
async fn what_was_rejected_is_corrected_and_judged_again() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let id = isla.cask("L-1").await;
    isla.post(&path(&id, "/resubmit"), json!({})).await.refused(409, "ILLEGAL_STATE");
    let reason = json!({ "reason": "the strength is wrong" });
    keeper.put_json(&path(&id, "/reject"), reason).await.expect(200);
    let mut right = cask("L-1");
    right["alcoholContent"] = json!("61.00");
    let stranger = server.person("Finlay").await;
    stranger.put_json(&path(&id, ""), right.clone()).await.refused(403, "PERMISSION_DENIED");
    let corrected = isla.put_json(&path(&id, ""), right.clone()).await.expect(200);
    let seen = shown(&isla, &id, &corrected).await;
    assert_eq!((&seen["alcoholContent"], &seen["status"]), (&json!("61.00"), &json!("REJECTED")));
    let asked = isla.post(&path(&id, "/resubmit"), json!({})).await.expect(200);
    let seen = shown(&isla, &id, &asked).await;
    assert_eq!((&seen["status"], &seen["rejectionReason"]), (&json!("PENDING"), &Value::Null));
    keeper.put(&path(&id, "/approve")).await.expect(200);
    let late = isla.put_json(&path(&id, ""), right).await.refused(409, "ILLEGAL_STATE");
    let details = &late.body["error"]["details"];
    assert_eq!((&details["state"], &details["command"]), (&json!("APPROVED"), &json!("correct")));
}

#[tokio::test]
async fn a_cask_is_valued_measured_moved_and_looked_at() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let stranger = server.person("Finlay").await;
    let id = approved(&isla, &keeper, "L-2").await;
    let regauge = |volume: &str| json!({ "volume": volume, "alcoholContent": "60.00" });
    let value = json!({ "value": { "amount": "4200.50", "currency": "GBP" } });
    let place = json!({ "storageLocation": { "warehouse": "W9", "bond": "B1" } });
    let records = [
        ("/valuations", value),
        ("/regauges", regauge("200.00")),
        ("/movements", place),
        ("/condition-reports", json!({ "condition": "a weeping stave" })),
    ];
    for (what, body) in &records {
        stranger.post(&path(&id, what), body.clone()).await.refused(403, "PERMISSION_DENIED");
        isla.post(&path(&id, what), body.clone()).await.expect(200);
        isla.post(&path(&id, what), json!({})).await.refused(400, "VALIDATION_ERROR");
        isla.post(&path("1", what), body.clone()).await.refused(404, "WHISKEY_NOT_FOUND");
    }
    // The warehouse measures as well; nobody finds more than there was.
    keeper.post(&path(&id, "/regauges"), regauge("200.10")).await.refused(400, "VALIDATION_ERROR");
    let last = keeper.post(&path(&id, "/regauges"), regauge("199.00")).await.expect(200);
    let seen = shown(&isla, &id, &last).await;
    assert_eq!(seen["marketValue"], json!({ "amount": "4200.5000", "currency": "GBP" }));
    assert_eq!(seen["regaugedLitresOfAlcohol"], "119.40");
    assert_eq!(seen["volume"], "199.00");
    assert_eq!(seen["storageLocation"]["warehouse"], "W9");
    assert_eq!(seen["condition"], "a weeping stave");
    assert_eq!(seen["status"], "APPROVED");

    // Asked twice, recorded once.
    let again = async |key: &str| {
        let request = isla.request(reqwest::Method::POST, &path(&id, "/condition-reports"));
        let request = request.json(&json!({ "condition": "dry" })).header("Idempotency-Key", key);
        Answer::of(request).await.expect(200).position()
    };
    assert_eq!(again("report-1").await, again("report-1").await);
}

#[tokio::test]
async fn a_cask_changes_hands_by_offer_and_acceptance() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let (finlay, mairi) = (server.person("Finlay").await, server.person("Mairi").await);
    let id = approved(&isla, &keeper, "L-3").await;
    let (offer, accept) = (path(&id, "/transfer"), path(&id, "/transfer/accept"));
    let to = |user: &str| json!({ "to": user });
    let (finlays, mairis) = (finlay.id().await, mairi.id().await);
    isla.post(&offer, to("1")).await.refused(404, "USER_NOT_FOUND");
    isla.post(&offer, to(&isla.id().await)).await.refused(400, "VALIDATION_ERROR");
    finlay.post(&offer, to(&mairis)).await.refused(403, "PERMISSION_DENIED");
    finlay.post(&accept, json!({})).await.refused(403, "PERMISSION_DENIED");
    let offered = isla.post(&offer, to(&finlays)).await.expect(200);
    assert_eq!(shown(&isla, &id, &offered).await["offeredTo"], finlays.as_str());
    mairi.post(&accept, json!({})).await.refused(403, "PERMISSION_DENIED");
    isla.delete(&offer).await.expect(200);
    finlay.post(&accept, json!({})).await.refused(403, "PERMISSION_DENIED");

    isla.post(&offer, to(&mairis)).await.expect(200);
    let accepted = mairi.post(&accept, json!({})).await.expect(200);
    let seen = shown(&mairi, &id, &accepted).await;
    assert_eq!((&seen["owner"], &seen["offeredTo"]), (&json!(mairis), &Value::Null));
    isla.post(&offer, to(&finlays)).await.refused(403, "PERMISSION_DENIED");
    mairi.post(&offer, to(&finlays)).await.expect(200);
}

/// Of two who want it, each offered by an owner who changes their mind, one has it.
#[tokio::test]
async fn one_of_many_who_say_yes_at_once_is_the_owner() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let (finlay, mairi) = (server.person("Finlay").await, server.person("Mairi").await);
    let id = approved(&isla, &keeper, "L-4").await;
    let (offer, accept) = (path(&id, "/transfer"), path(&id, "/transfer/accept"));
    isla.post(&offer, json!({ "to": finlay.id().await })).await.expect(200);
    let change = json!({ "to": mairi.id().await });
    let (changed, yes, also) = tokio::join!(
        isla.post(&offer, change),
        finlay.post(&accept, json!({})),
        mairi.post(&accept, json!({})),
    );
    let won = [&yes, &also].iter().filter(|answer| answer.status == 200).count();
    assert!(won <= 1, "{changed:?} {yes:?} {also:?}");
    let report = json!({ "condition": "sound" });
    let after = keeper.post(&path(&id, "/condition-reports"), report).await.expect(200);
    let owner = shown(&keeper, &id, &after).await;
    let expected = match (yes.status.as_u16(), also.status.as_u16()) {
        (200, _) => finlay.id().await,
        (_, 200) => mairi.id().await,
        _ => isla.id().await,
    };
    assert_eq!(owner["owner"], expected.as_str());
}

#[tokio::test]
async fn nothing_is_recorded_of_a_cask_that_is_no_more() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let stranger = server.person("Finlay").await;
    let id = approved(&isla, &keeper, "L-5").await;
    let retire = |reason: &str| json!({ "reason": reason });
    isla.post(&path(&id, "/retire"), retire("drunk")).await.refused(400, "VALIDATION_ERROR");
    stranger.post(&path(&id, "/retire"), retire("lost")).await.refused(403, "PERMISSION_DENIED");
    let gone = isla.post(&path(&id, "/retire"), retire("bottled")).await.expect(200);
    let seen = shown(&isla, &id, &gone).await;
    assert_eq!((&seen["status"], &seen["retireReason"]), (&json!("RETIRED"), &json!("bottled")));
    let report = json!({ "condition": "empty" });
    let refused = isla.post(&path(&id, "/condition-reports"), report).await;
    assert_eq!(refused.refused(409, "ILLEGAL_STATE").body["error"]["details"]["state"], "RETIRED");
    isla.post(&path(&id, "/retire"), retire("lost")).await.refused(409, "ILLEGAL_STATE");
    let listed = isla.get("/api/v1/whiskeys?owner=me&status=RETIRED").await.expect(200);
    assert_eq!(listed.body["pagination"]["total"], 1);
}

#[tokio::test]
async fn the_history_of_a_cask_is_its_owner_s_and_the_warehouse_s() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let stranger = server.person("Finlay").await;
    let id = approved(&isla, &keeper, "L-6").await;
    let report = json!({ "condition": "sound" });
    let last = isla.post(&path(&id, "/condition-reports"), report).await.expect(200);
    let history = path(&id, "/history");
    let all = isla.get_at(&history, last.position()).await.expect(200);
    let types: Vec<_> = all.data().as_array().unwrap().iter().map(|e| &e["type"]).collect();
    let expected = ["whiskey.registered", "whiskey.approved", "whiskey.condition_reported"];
    assert_eq!(types, expected);
    let approval = &all.data()[1];
    assert_eq!(
        (&approval["actorType"], &approval["actor"]),
        (&json!("user"), &json!(keeper.id().await))
    );
    assert_eq!(all.data()[2]["data"], json!({ "condition": "sound" }));
    assert_eq!(all.data()[2]["position"], last.position().to_string().as_str());

    let first = isla.get(&format!("{history}?limit=2")).await.expect(200);
    assert_eq!(first.data().as_array().unwrap().len(), 2);
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = isla.get(&format!("{history}?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(rest.data()[0]["type"], "whiskey.condition_reported");
    assert!(rest.body["pagination"].get("nextCursor").is_none());
    keeper.get(&history).await.expect(200);
    stranger.get(&history).await.refused(403, "PERMISSION_DENIED");
    isla.get(&format!("{history}?cursor=x")).await.refused(400, "VALIDATION_ERROR");
    isla.get(&path("1", "/history")).await.refused(404, "WHISKEY_NOT_FOUND");
}
