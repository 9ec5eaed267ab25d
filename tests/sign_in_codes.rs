//! The second step of a sign-in, where a tenant wants one: a code that is mailed.

use serde_json::{Value, json};

use crate::world::{Answer, Person, Server, World, until};

const VERIFY: &str = "/api/v1/auth/verify-otp";
const RESEND: &str = "/api/v1/auth/resend-otp";
const SETTINGS: &str = "/api/v1/tenants/1/settings";
const SUBJECT: &str = "Your sign-in code";

/// A server whose people need a code; somebody and an administrator who came in before it was so.
async fn guarded(world: &World) -> (Server, Person, Person) {
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let keeper = server.administrator().await;
    isla.put_json(SETTINGS, json!({ "otpLogin": true })).await.refused(403, "PERMISSION_DENIED");
    let elsewhere = "/api/v1/tenants/2/settings";
    keeper.put_json(elsewhere, json!({ "otpLogin": true })).await.refused(404, "TENANT_NOT_FOUND");
    let set = keeper.put_json(SETTINGS, json!({ "otpLogin": true })).await.expect(200);
    let shown = json!({ "otpLogin": true, "revealExistingEmail": false, "provenMints": false });
    assert_eq!(set.data(), &shown);
    (server, isla, keeper)
}

/// The codes that were mailed, newest first.
async fn codes(person: &Person) -> Vec<String> {
    let mails = person.mails().await;
    let of_codes = mails.iter().filter(|mail| mail["subject"] == SUBJECT);
    let code = |mail: &Value| {
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        mail["body"].as_str().unwrap().lines().find(is_code).unwrap().to_owned()
    };
    of_codes.map(code).collect()
}

async fn newest_code(person: &Person, count: usize) -> String {
    until(&format!("code {count} comes"), || async {
        let codes = codes(person).await;
        (codes.len() == count).then(|| codes[0].clone())
    })
    .await
}

async fn verify(person: &Person, session: &Value, code: &str) -> Answer {
    person.post(VERIFY, json!({ "sessionId": session, "code": code })).await
}

/// Another code than this one.
fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn the_password_asks_for_a_code_and_the_code_opens_the_session() {
    let world = World::new().await;
    let (_server, mut isla, _) = guarded(&world).await;
    let asked = isla.login(&isla.password).await.expect(202);
    assert_eq!(asked.data()["method"], "email");
    assert!(asked.data()["expiresIn"].as_u64().unwrap() > 290);
    assert!(asked.data().get("accessToken").is_none());
    let session = asked.data()["sessionId"].clone();
    let first = newest_code(&isla, 1).await;

    let wrong = verify(&isla, &session, &other_than(&first)).await.refused(401, "OTP_INVALID");
    assert_eq!(wrong.body["error"]["details"]["attemptsRemaining"], 2);
    let again = isla.post(RESEND, json!({ "sessionId": session })).await.expect(202);
    assert_eq!(again.data()["resendsRemaining"], 2);
    let second = newest_code(&isla, 2).await;
    if second != first {
        verify(&isla, &session, &first).await.refused(401, "OTP_INVALID");
    }
    let entered = verify(&isla, &session, &second).await.expect(200);
    isla.keep(&entered);
    isla.get("/api/v1/users/me").await.expect(200);
    // Once.
    verify(&isla, &session, &second).await.refused(401, "OTP_INVALID");
    isla.post(RESEND, json!({ "sessionId": session })).await.refused(401, "OTP_INVALID");
    verify(&isla, &json!("nonsense"), &second).await.refused(401, "OTP_INVALID");
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_sign_in_and_the_same_session() {
    let world = World::new().await;
    let (_server, isla, _) = guarded(&world).await;
    let with_key = |path: &str, body: Value, key: &str| {
        let request = isla.request(reqwest::Method::POST, path).json(&body);
        Answer::of(request.header("Idempotency-Key", key))
    };
    let login = json!({ "identifier": isla.email, "password": isla.password });
    let path = "/api/v1/auth/login";
    let first = with_key(path, login.clone(), "key-1").await.expect(202);
    let second = with_key(path, login, "key-1").await.expect(202);
    assert_eq!(first.data()["sessionId"], second.data()["sessionId"]);
    let code = newest_code(&isla, 1).await;
    let answer = json!({ "sessionId": first.data()["sessionId"], "code": code });
    let first = with_key(VERIFY, answer.clone(), "key-2").await.expect(200);
    let second = with_key(VERIFY, answer, "key-2").await.expect(200);
    assert_eq!(first.data()["sessionId"], second.data()["sessionId"]);
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(codes(&isla).await.len(), 1);
}

#[tokio::test]
async fn a_trusted_device_needs_no_code_as_long_as_it_shows_its_token() {
    let world = World::new().await;
    let (_server, isla, _) = guarded(&world).await;
    let own = json!({ "token": isla.device_token });
    isla.login_on(own.clone()).await.expect(202);
    let trust = format!("/api/v1/auth/devices/{}/trust", isla.device);
    isla.put(&trust).await.expect(200);
    isla.login_on(own.clone()).await.expect(200);
    // Who only looks like it is not believed.
    isla.login(&isla.password).await.expect(202);
    isla.delete(&trust).await.expect(200);
    isla.login_on(own.clone()).await.expect(202);
    isla.put(&format!("/api/v1/auth/devices/{}/block", isla.device)).await.expect(200);
    isla.login_on(own).await.refused(403, "DEVICE_BLOCKED");
}

#[tokio::test]
async fn a_new_password_or_a_lock_shuts_out_who_waits_for_a_code() {
    let world = World::new().await;
    let (_server, mut isla, keeper) = guarded(&world).await;
    let waiting = isla.login(&isla.password).await.expect(202).data()["sessionId"].clone();
    let code = newest_code(&isla, 1).await;
    let change = json!({ "currentPassword": isla.password, "newPassword": "Brine&Heather1887" });
    isla.put_json("/api/v1/users/me/password", change).await.expect(200);
    verify(&isla, &waiting, &code).await.refused(401, "OTP_INVALID");
    isla.mail("Your password was changed").await;

    isla.password = "Brine&Heather1887".to_owned();
    let waiting = isla.login(&isla.password).await.expect(202).data()["sessionId"].clone();
    let code = newest_code(&isla, 2).await;
    let lock = format!("/api/v1/users/{}/lock", isla.id().await);
    keeper.put(&lock).await.expect(200);
    verify(&isla, &waiting, &code).await.refused(423, "ACCOUNT_LOCKED");
}
