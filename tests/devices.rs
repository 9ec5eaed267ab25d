//! Devices: what somebody signs in with is recognised, listed, trusted, blocked, forgotten.

use serde_json::{Value, json};

use crate::world::{Person, calm, until};

const DEVICES: &str = "/api/v1/auth/devices";

async fn devices(person: &Person, count: usize) -> Vec<Value> {
    until(&format!("{count} devices are listed"), || async {
        let answer = person.get(DEVICES).await.expect(200);
        let list = answer.data().as_array().unwrap().clone();
        (list.len() == count).then_some(list)
    })
    .await
}

#[tokio::test]
async fn a_new_device_is_listed_and_its_owner_told() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let first = isla.login_on(json!({})).await.expect(200);
    assert_eq!(first.data()["deviceId"], isla.device.as_str(), "the same look, the same device");

    let phone = json!({ "fingerprint": "f-1", "name": "Isla's telephone" });
    let second = isla.login_on(phone.clone()).await.expect(200);
    let id = second.data()["deviceId"].as_str().unwrap().to_owned();
    assert_ne!(id, isla.device);
    let again = isla.login_on(phone).await.expect(200);
    assert_eq!(again.data()["deviceId"], id.as_str());
    // Known by its token, whatever it looks like.
    let changed = json!({ "fingerprint": "f-2", "token": second.data()["deviceToken"] });
    let changed = isla.login_on(changed).await.expect(200);
    assert_eq!(changed.data()["deviceId"], id.as_str());

    let list = devices(&isla, 2).await;
    assert_eq!(list[0]["id"], id.as_str());
    assert_eq!(list[0]["name"], "Isla's telephone");
    assert_eq!((&list[0]["address"], &list[0]["trusted"]), (&json!("127.0.0.1"), &json!(false)));
    let letter = isla.mail("A sign-in from a new device").await;
    assert!(letter.contains("Isla's telephone") && letter.contains("127.0.0.1"), "{letter}");
    let letters = isla.mails().await;
    let told = letters.iter().filter(|mail| mail["subject"] == "A sign-in from a new device");
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn what_is_blocked_is_out_and_what_is_forgotten_is_new_again() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let phone = json!({ "fingerprint": "lost telephone" });
    let lost = isla.login_on(phone.clone()).await.expect(200);
    let id = lost.data()["deviceId"].as_str().unwrap().to_owned();
    let thief = isla.clone().with_token(lost.data()["accessToken"].as_str().unwrap());

    let block = format!("{DEVICES}/{id}/block");
    assert_eq!(isla.put(&block).await.expect(200).data()["revokedSessions"], 1);
    until("the session there is over", || async {
        (thief.get("/api/v1/users/me").await.status == 401).then_some(())
    })
    .await;
    isla.get("/api/v1/users/me").await.expect(200);
    isla.login_on(phone.clone()).await.refused(403, "DEVICE_BLOCKED");
    let shown = json!({ "fingerprint": "another look", "token": lost.data()["deviceToken"] });
    isla.login_on(shown).await.refused(403, "DEVICE_BLOCKED");
    isla.put(&format!("{DEVICES}/{id}/trust")).await.refused(403, "DEVICE_BLOCKED");
    isla.login_on(json!({})).await.expect(200);

    isla.delete(&format!("{DEVICES}/{id}")).await.expect(200);
    isla.delete(&format!("{DEVICES}/{id}")).await.refused(404, "NOT_FOUND");
    let found = isla.login_on(phone).await.expect(200);
    assert_ne!(found.data()["deviceId"], id.as_str());
}

#[tokio::test]
async fn a_device_is_its_owner_s_only() {
    let server = &calm().await.server;
    let (isla, finlay) = (server.person("Isla").await, server.person("Finlay").await);
    let path = format!("{DEVICES}/{}", isla.device);
    finlay.put(&format!("{path}/trust")).await.refused(404, "NOT_FOUND");
    finlay.put(&format!("{path}/block")).await.refused(404, "NOT_FOUND");
    finlay.delete(&path).await.refused(404, "NOT_FOUND");
    isla.delete(&format!("{DEVICES}/x")).await.refused(404, "NOT_FOUND");
    // Somebody else's token makes no known device.
    let borrowed = finlay.login_on(json!({ "token": isla.device_token })).await.expect(200);
    assert_eq!(borrowed.data()["deviceId"], finlay.device.as_str());
    finlay.login_on(json!({ "token": "ccd_nonsense" })).await.expect(200);
    finlay.login_on(json!({ "color": "blue" })).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn nobody_keeps_an_owner_out_of_their_own_device() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    for _ in 0..5 {
        isla.login("Wrong&Smoke1994").await;
    }
    isla.login(&isla.password).await.refused(423, "ACCOUNT_LOCKED");
    let own = json!({ "token": isla.device_token });
    isla.login_on(own.clone()).await.expect(200);

    // It is no way to guess on: its own count ends after five as well.
    let mut thief = isla.clone();
    thief.password = "Wrong&Smoke1994".to_owned();
    for left in (1..5).rev() {
        let wrong = thief.login_on(own.clone()).await.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(wrong.body["error"]["details"]["attemptsRemaining"], left);
    }
    thief.login_on(own.clone()).await.refused(423, "ACCOUNT_LOCKED");
    isla.login_on(own).await.refused(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn an_administrator_s_lock_holds_on_known_devices_too() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let lock = format!("/api/v1/users/{}/lock", isla.id().await);
    keeper.put(&lock).await.expect(200);
    let own = json!({ "token": isla.device_token });
    isla.login_on(own.clone()).await.refused(423, "ACCOUNT_LOCKED");
    keeper.delete(&lock).await.expect(200);
    isla.login_on(own).await.expect(200);
}
