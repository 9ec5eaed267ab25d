//! Who did what, from where, and what it changed; and the events that say so.

use serde_json::{Value, json};

use crate::world::{Forger, Person, calm, cask, until};

const LOGS: &str = "/api/v1/audit/logs";
const EVENTS: &str = "/api/v1/audit/events";

async fn entries(person: &Person, query: &str, position: i64) -> Vec<Value> {
    let answer = person.get_at(&format!("{LOGS}?{query}"), position).await.expect(200);
    answer.data().as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_was_done_to_a_cask_stands_there_with_before_and_after() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let registered = isla.post("/api/v1/whiskeys", cask("U-1")).await.expect(201);
    let id = registered.data()["id"].as_str().unwrap();
    let to = |rest: &str| format!("/api/v1/whiskeys/{id}{rest}");
    keeper.put(&to("/approve")).await.expect(200);
    let mut last = registered.position();
    for amount in ["4200", "4300"] {
        let value = json!({ "value": { "amount": amount, "currency": "GBP" } });
        last = isla.post(&to("/valuations"), value).await.expect(200).position();
    }
    let from = registered.position();

    let of_cask = format!("entityType=whiskey&entityId={id}");
    let all = entries(&keeper, &of_cask, last).await;
    let done = ["whiskey.revalued", "whiskey.revalued", "whiskey.approved", "whiskey.registered"];
    assert_eq!(actions(&all), done);
    let gbp = |amount: &str| json!({ "amount": amount, "currency": "GBP" });
    assert_eq!(all[0]["before"], json!({ "marketValue": gbp("4200.0000") }));
    assert_eq!(all[0]["after"], json!({ "marketValue": gbp("4300.0000") }));
    assert_eq!(all[1]["before"], json!({ "marketValue": gbp("8400.0000") }));
    assert_eq!(all[0]["actor"], isla.id().await);
    assert_eq!(
        (&all[0]["actorType"], &all[0]["position"]),
        (&json!("user"), &json!(last.to_string()))
    );
    let address = json!({ "personal": "security", "value": "127.0.0.1" });
    assert_eq!(all[0]["origin"]["address"], address);
    assert_eq!(all[0]["origin"]["knownBy"], "session");
    assert_eq!(all[2]["before"], json!({ "status": "PENDING" }));
    assert_eq!(all[2]["after"], json!({ "status": "APPROVED" }));
    assert_eq!(all[2]["actor"], keeper.id().await);
    let first = &all[3];
    assert_eq!(
        (&first["before"]["name"], &first["after"]["name"]),
        (&Value::Null, &json!("Ardcairn 2012"))
    );
    assert!(first["after"].get("brand").is_none(), "{first}");

    // Filters, and pages.
    let count =
        async |query: &str| entries(&keeper, &format!("{of_cask}&{query}"), last).await.len();
    assert_eq!(count("action=whiskey.revalued").await, 2);
    assert_eq!(count(&format!("actor={}", isla.id().await)).await, 3);
    assert_eq!(count(&format!("fromPosition={}", from + 1)).await, 3);
    assert_eq!(count(&format!("toPosition={from}")).await, 1);
    assert_eq!(count("startDate=2020-01-01T00:00:00Z").await, 4);
    assert_eq!(count("endDate=2020-01-01T00:00:00Z").await, 0);
    let at = first["at"].as_str().unwrap();
    assert_eq!(count(&format!("startDate={at}")).await, 4);
    let page = keeper.get(&format!("{LOGS}?{of_cask}&limit=2")).await.expect(200);
    assert_eq!(page.body["pagination"]["total"], 4);
    let cursor = page.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = keeper.get(&format!("{LOGS}?{of_cask}&limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(actions(rest.data().as_array().unwrap()), done[2..]);
    assert!(rest.body["pagination"].get("nextCursor").is_none());
    for list in [LOGS, EVENTS] {
        for bad in [
            "limit=101",
            "limit=0",
            "cursor=x",
            "cursor=-1",
            "startDate=yesterday",
            "endDate=x",
            "fromPosition=x",
            "toPosition=-1",
            "actor=%07",
        ] {
            keeper.get(&format!("{list}?{bad}")).await.refused(400, "VALIDATION_ERROR");
        }
        isla.get(list).await.refused(403, "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn what_is_personal_is_opened_for_who_may_see_it_as_long_as_there_is_something() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla Ferguson").await, server.administrator().await);
    let id = isla.id().await;
    let change = json!({ "fullName": "Eilidh Ferguson" });
    let changed = isla.put_json("/api/v1/users/me", change).await.expect(200).position();
    isla.login("Wrong&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");
    let of_isla = format!("entityType=user&entityId={id}&limit=100");

    let shown = entries(&keeper, &of_isla, changed).await;
    let entry = |of: &[Value], action: &str| {
        of.iter().find(|entry| entry["action"] == action).unwrap().clone()
    };
    let renamed = entry(&shown, "user.profile_changed");
    let name = |name: &str| json!({ "fullName": { "personal": "contact", "value": name } });
    assert_eq!(renamed["before"], name("Isla Ferguson"));
    assert_eq!(renamed["after"], name("Eilidh Ferguson"));
    let registered = entry(&shown, "user.registered");
    assert_eq!(registered["after"]["email"]["value"], isla.email.as_str());
    assert!(!registered.to_string().contains("assword"), "{registered}");
    let failed = format!("{of_isla}&action=sign_in_guard.attempt_failed");
    let attempts = until("the attempt is told of", || async {
        Some(entries(&keeper, &failed, changed).await).filter(|found| !found.is_empty())
    });
    let attempt = attempts.await[0].clone();
    assert_eq!(attempt["origin"]["knownBy"], "event");
    assert_eq!(attempt["origin"]["address"]["value"], "127.0.0.1");

    // An auditor who may read no more than the log.
    let forger = Forger::new(&calm.world, server).await;
    let auditor = forger.forged(keeper.token(), |claims| {
        claims["permissions"] = json!(["audit.read"]);
    });
    let auditor = keeper.clone().with_token(&auditor);
    let seen = entries(&auditor, &of_isla, changed).await;
    let renamed = entry(&seen, "user.profile_changed");
    assert_eq!(renamed["after"], json!({ "fullName": { "personal": "contact" } }));
    assert_eq!(renamed["origin"]["address"], json!({ "personal": "security" }));

    let erased = keeper.delete(&format!("/api/v1/users/{id}")).await.expect(200).position();
    let after = entries(&keeper, &of_isla, erased).await;
    let gone = json!({ "personal": "contact", "erased": true });
    let renamed = entry(&after, "user.profile_changed");
    assert_eq!((&renamed["before"]["fullName"], &renamed["after"]["fullName"]), (&gone, &gone));
    let erasure = entry(&after, "user.erased");
    assert_eq!((&erasure["before"]["email"], &erasure["after"]["email"]), (&gone, &Value::Null));
    assert!(!json!(after).to_string().contains("Ferguson"));
}

#[tokio::test]
async fn auditors_read_the_events_themselves() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla Sealed").await, server.administrator().await);
    let id = isla.cask("U-2").await;
    let path = format!("/api/v1/whiskeys/{id}");
    for number in 0..4 {
        let report = json!({ "condition": format!("sound {number}") });
        isla.post(&format!("{path}/condition-reports"), report).await.expect(200);
    }
    let of_cask = format!("{EVENTS}?aggregateType=whiskey&aggregateId={id}");
    let mut read = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let answer = keeper.get(&format!("{of_cask}&limit=2{cursor}")).await.expect(200);
        read.extend(answer.data().as_array().unwrap().clone());
        assert!(read.len() <= 5, "pages go round in a circle");
        let cursor = answer.body["pagination"]["nextCursor"].as_str();
        next = cursor.map(|cursor| format!("&cursor={cursor}"));
    }
    let sequences: Vec<_> = read.iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
    assert_eq!(sequences, [5, 4, 3, 2, 1]);
    assert_eq!(read[0]["data"], json!({ "condition": "sound 3" }));
    assert_eq!(read[4]["type"], "whiskey.registered");

    // All of the tenant, without a hole.
    let answer = keeper.get(&format!("{EVENTS}?limit=100")).await.expect(200);
    let events = answer.data().as_array().unwrap();
    let positions: Vec<i64> = events
        .iter()
        .map(|event| event["tenantPosition"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(positions.windows(2).all(|pair| pair[0] == pair[1] + 1), "{positions:?}");
    let by_isla = format!("{EVENTS}?actor={}&type=whiskey.condition_reported", isla.id().await);
    assert_eq!(keeper.get(&by_isla).await.expect(200).data().as_array().unwrap().len(), 4);
    let (last, first) =
        (read[0]["position"].as_str().unwrap(), read[3]["position"].as_str().unwrap());
    let between = format!("{of_cask}&fromPosition={first}&toPosition={last}");
    assert_eq!(keeper.get(&between).await.expect(200).data().as_array().unwrap().len(), 4);

    // What is personal is not opened, for anybody.
    let user = format!("{EVENTS}?aggregateType=user&aggregateId={}", isla.id().await);
    let told = keeper.get(&user).await.expect(200).body.to_string();
    assert!(
        told.contains("$sealed") && !told.contains("Isla Sealed") && !told.contains(&isla.email)
    );
    keeper.get(&format!("{EVENTS}?aggregateId=1")).await.refused(400, "VALIDATION_ERROR");

    // Other tenants' are for auditors of the platform's own.
    let elsewhere = server.administrator_elsewhere(&calm.world).await;
    let theirs = elsewhere.cask("U-3").await;
    let of_tenant =
        |tenant: &str| format!("{EVENTS}?tenant={tenant}&aggregateType=whiskey&limit=100");
    let of_theirs = of_tenant(elsewhere.tenant.as_deref().unwrap());
    for reader in [&keeper, &elsewhere] {
        let read = reader.get(&of_theirs).await.expect(200);
        let ids = read.data().as_array().unwrap().iter().map(|event| event["aggregateId"].clone());
        assert_eq!(ids.collect::<Vec<_>>(), [json!(theirs)]);
    }
    elsewhere.get(&of_tenant("1")).await.refused(403, "PERMISSION_DENIED");
    keeper.get(&of_tenant("x")).await.refused(400, "VALIDATION_ERROR");
}
