//! What a tenant wants of passwords: its own rules, and another password in time.

use serde_json::{Value, json};

use crate::world::{Person, Server, World};

const POLICY: &str = "/api/v1/tenants/1/password-policy";
const SHOWN: &str = "/api/v1/auth/password/policy";
const REGISTER: &str = "/api/v1/auth/register";

async fn registering(server: &Server, password: &str) -> crate::world::Answer {
    let mut person = server.visitor();
    person.password = password.to_owned();
    person.post(REGISTER, person.registration("Moira Grant")).await
}

#[tokio::test]
async fn what_everybody_tries_is_refused_in_disguise() {
    let world = World::new().await;
    let server = world.server().await;
    for weak in ["P@ssw0rd", "Abcd1234!", "Welcome1!", "Qazwsx1!", "Grant&Malt1994"] {
        registering(&server, weak).await.refused(400, "WEAK_PASSWORD");
    }
    registering(&server, "Peat&Smoke1994").await.expect(201);
}

#[tokio::test]
async fn a_tenant_has_a_policy_of_its_own() {
    let world = World::new().await;
    let server = world.server().await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let default = isla.get(SHOWN).await.expect(200);
    assert_eq!(default.data()["minLength"], 8);
    assert_eq!(default.data()["lifeDays"], 90);
    let policy = |min_length: i64| {
        json!({
            "minLength": min_length, "upperCase": false, "lowerCase": false, "digit": false,
            "specialCharacter": false, "minStrength": 3, "history": 5, "lifeDays": null,
        })
    };
    isla.put_json(POLICY, policy(15)).await.refused(403, "PERMISSION_DENIED");
    keeper.put_json(POLICY, policy(7)).await.refused(400, "VALIDATION_ERROR");
    keeper.put_json(POLICY, json!({ "minLength": 15 })).await.refused(400, "VALIDATION_ERROR");
    let other = "/api/v1/tenants/2/password-policy";
    keeper.put_json(other, policy(15)).await.refused(404, "TENANT_NOT_FOUND");
    let stale = keeper.request(reqwest::Method::PUT, POLICY).json(&policy(15));
    let stale = crate::world::Answer::of(stale.header("If-Match", "\"7\"")).await;
    stale.refused(412, "PRECONDITION_FAILED");
    keeper.put_json(POLICY, policy(15)).await.expect(200);

    let shown = isla.get(&format!("{SHOWN}?tenant=1")).await.expect(200);
    assert_eq!((&shown.data()["minLength"], &shown.data()["lifeDays"]), (&json!(15), &Value::Null));
    isla.get(&format!("{SHOWN}?tenant=2")).await.refused(404, "TENANT_NOT_FOUND");
    registering(&server, "Peat&Smoke1994").await.refused(400, "VALIDATION_ERROR");
    registering(&server, "peat smoke and brine").await.expect(201);
    // Set before, and still good.
    isla.login(&isla.password).await.expect(200);
}

#[tokio::test]
async fn a_password_expires_and_its_owner_is_told_in_time() {
    let world = World::new().await;
    let server = world.server().await;
    let mut isla = server.person("Isla").await;
    set_days_ago(&world, &isla, 84).await;
    isla.login(&isla.password).await.expect(200);
    isla.mail("Your password expires soon").await;
    isla.login(&isla.password).await.expect(200);

    set_days_ago(&world, &isla, 91).await;
    isla.login("Wrong&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");
    isla.login(&isla.password).await.refused(403, "PASSWORD_EXPIRED");
    let forgot = json!({ "email": isla.email });
    isla.post("/api/v1/auth/password/forgot", forgot).await.expect(202);
    let letter = isla.mail("A new password").await;
    let token = letter.lines().find(|line| line.len() > 60 && !line.contains(' ')).unwrap();
    let reset = json!({ "token": token, "password": "Brine&Heather1887" });
    isla.post("/api/v1/auth/password/reset", reset).await.expect(200);
    isla.password = "Brine&Heather1887".to_owned();
    isla.login(&isla.password).await.expect(200);
    let letters = isla.mails().await;
    let told = letters.iter().filter(|mail| mail["subject"] == "Your password expires soon");
    assert_eq!(told.count(), 1);
}

/// The present password, as if it had been set some days ago: an event as a server of then would
/// have written it.
async fn set_days_ago(world: &World, person: &Person, days: i64) {
    let id = person.id().await;
    let now = eventstore::Clock::system().now().unix_ms();
    let at = domain::moment::Moment::from_unix_ms(now - days * 24 * 60 * 60 * 1_000);
    world
        .append("user", &id, |last, envelopes| {
            let registered = envelopes.iter().find(|e| e["type"] == "user.registered").unwrap();
            last["type"] = json!("user.password_changed");
            last["schemaVersion"] = json!(2);
            let hash = registered["data"]["passwordHash"].clone();
            last["data"] = json!({ "passwordHash": hash, "at": at.to_string() });
        })
        .await;
}
