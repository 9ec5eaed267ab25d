//! What a person is called, reached by and written to in; and what others see of them.

use serde_json::json;

use crate::world::{World, calm, until};

const ME: &str = "/api/v1/users/me";

#[tokio::test]
async fn a_profile_is_changed_field_by_field() {
    let server = &calm().await.server;
    let isla = server.person("Isla Ferguson").await;
    let before = isla.get(ME).await.expect(200);
    let stale = before.header("etag").to_owned();
    let changed = isla.put_json(ME, json!({ "fullName": "Isla Grant" })).await.expect(200);
    let me = isla.get_at(ME, changed.position()).await.expect(200);
    assert_eq!(me.data()["fullName"], "Isla Grant");
    assert_eq!(me.data()["email"], isla.email.as_str());
    assert_eq!(me.header("etag"), changed.header("etag"));
    assert_eq!(isla.get("/api/v1/users/profile").await.expect(200).data(), me.data());

    let request = isla.request(reqwest::Method::PUT, ME).json(&json!({ "fullName": "Isla" }));
    let late = crate::world::Answer::of(request.header("If-Match", stale)).await;
    late.refused(412, "PRECONDITION_FAILED");
    // The same again is nothing new.
    let again = isla.put_json(ME, json!({ "fullName": "Isla Grant" })).await.expect(200);
    assert_eq!(again.header("etag"), changed.header("etag"));
    isla.put_json(ME, json!({ "phone": "0123" })).await.refused(400, "VALIDATION_ERROR");
    isla.put_json(ME, json!({ "roles": ["administrator"] })).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_name_given_up_is_free_and_a_name_taken_is_taken() {
    let server = &calm().await.server;
    let (isla, finlay) = (server.person("Isla").await, server.person("Finlay").await);
    let named = |username: &str| json!({ "username": username });
    let name = letters(&isla.email);
    isla.put_json(ME, named(&name)).await.expect(200);
    finlay.put_json(ME, named(&name.to_lowercase())).await.refused(409, "USERNAME_TAKEN");
    // In another spelling it is still the same.
    isla.put_json(ME, named(&name.to_uppercase())).await.expect(200);
    finlay.put_json(ME, named(&name)).await.refused(409, "USERNAME_TAKEN");
    let by_name = json!({ "identifier": name, "password": isla.password });
    isla.post("/api/v1/auth/login", by_name.clone()).await.expect(200);

    isla.put_json(ME, named(&format!("{name}two"))).await.expect(200);
    isla.post("/api/v1/auth/login", by_name.clone()).await.refused(401, "INVALID_CREDENTIALS");
    finlay.put_json(ME, named(&name)).await.expect(200);
    isla.put_json(ME, named(&name)).await.refused(409, "USERNAME_TAKEN");
    finlay.post("/api/v1/auth/login", by_name).await.expect(200);
}

/// A username nobody else in this world has.
fn letters(email: &str) -> String {
    let digits = email.bytes().filter(u8::is_ascii_digit);
    digits.map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

#[tokio::test]
async fn letters_come_in_the_language_of_the_person() {
    let server = &calm().await.server;
    let isla = server.visitor();
    let request = isla.request(reqwest::Method::POST, "/api/v1/auth/register");
    let request = request.json(&isla.registration("Isla")).header("Accept-Language", "zh-TW, en");
    crate::world::Answer::of(request).await.expect(201);
    let link = isla.verification_link().await;
    assert_eq!(isla.mails().await[0]["subject"], "驗證您的電子郵件地址");
    isla.get(&link).await.expect(200);
    let isla = isla.signed_in().await;
    let me = isla.get_at(ME, 0).await.expect(200);
    assert_eq!(me.data()["language"], "zh-Hant");
    isla.put_json(ME, json!({ "language": "zh-Hans" })).await.expect(200);
    isla.put_json(ME, json!({ "language": "tlh" })).await.refused(400, "VALIDATION_ERROR");
    isla.post("/api/v1/auth/password/forgot", json!({ "email": isla.email })).await.expect(202);
    let simplified = until("a letter in the other language comes", || async {
        let mails = isla.mails().await;
        (mails.len() == 2).then(|| mails[0]["subject"].as_str().unwrap().to_owned())
    })
    .await;
    assert_eq!(simplified, "设置新密码");
}

#[tokio::test]
async fn others_see_little_and_administrators_find_everybody() {
    let world = World::new().await;
    let server = world.server().await;
    let (isla, finlay) = (server.person("Isla Ferguson").await, server.person("Finlay").await);
    let elodie = server.person("ÉLODIE 威士忌").await;
    let id = isla.id().await;
    let seen = finlay.get(&format!("/api/v1/users/{id}")).await.expect(200);
    let fields: Vec<_> = seen.data().as_object().unwrap().keys().collect();
    assert_eq!(fields, ["erased", "id", "registeredAt", "username"]);
    finlay.get("/api/v1/users/1").await.refused(404, "USER_NOT_FOUND");
    finlay.get("/api/v1/users/x").await.refused(404, "USER_NOT_FOUND");
    finlay.get("/api/v1/users").await.refused(403, "PERMISSION_DENIED");

    let keeper = server.administrator().await;
    let found = async |query: &str| {
        let answer = keeper.get(&format!("/api/v1/users?{query}")).await.expect(200);
        let names = answer.data().as_array().unwrap().iter();
        names.map(|user| user["fullName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("search=ISLA%20F").await, ["Isla Ferguson"]);
    assert_eq!(found(&format!("search={}", finlay.email)).await, ["Finlay"]);
    assert_eq!(found("search=%C3%A9lo").await, ["ÉLODIE 威士忌"]);
    assert!(found("search=%25").await.is_empty());
    assert_eq!(found("role=administrator").await, ["Demo Keeper"]);
    assert_eq!(found("status=ACTIVE&limit=3&page=2").await, ["Demo Keeper"]);
    drop(elodie);
    keeper.get("/api/v1/users?status=GONE").await.refused(400, "VALIDATION_ERROR");
    keeper.put(&format!("/api/v1/users/{id}/lock")).await.expect(200);
    until("the lock is shown", || async {
        let answer = keeper.get("/api/v1/users?search=isla").await.expect(200);
        answer.data()[0]["lockedUntil"].is_string().then_some(())
    })
    .await;
}
