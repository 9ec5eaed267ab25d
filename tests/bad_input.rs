//! However broken a request is, it gets the right 4xx in the envelope: never a 500, never a hang.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, calm, cask};

async fn send(path: &str, content_type: &str, body: Vec<u8>) -> Answer {
    let isla = calm().await.server.visitor();
    let request = isla.request(Method::POST, path).header("Content-Type", content_type);
    Answer::of(request.body(body)).await
}

#[tokio::test]
async fn bodies_that_are_no_json_object() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"x\"",
        b"{\"email\": \xff\xfe}",
        b"{'email': 1}",
        b"{\"email\": 1e999}",
        b"\x00",
        deep.as_bytes(),
    ];
    for body in bodies {
        for path in ["/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/verify-email"] {
            send(path, "application/json", body.to_vec()).await.refused(400, "VALIDATION_ERROR");
        }
    }
}

#[tokio::test]
async fn other_content_and_too_much_of_it() {
    let path = "/api/v1/auth/register";
    send(path, "text/plain", b"{}".to_vec()).await.refused(415, "FILE_TYPE_REFUSED");
    send(path, "nonsense", b"{}".to_vec()).await.refused(415, "FILE_TYPE_REFUSED");
    let long = format!("{{\"email\": \"{}\"}}", "a".repeat(1024 * 1024)).into_bytes();
    send(path, "application/json", long).await.refused(413, "FILE_TOO_LARGE");
}

#[tokio::test]
async fn every_violation_of_a_registration_is_named() {
    let body = json!({
        "email": "moira.example.com", "password": "short", "fullName": "a\u{0}b", "phone": "0123",
        "tenant": "x", "admin": true,
    });
    let answer = send("/api/v1/auth/register", "application/json", body.to_string().into()).await;
    let answer = answer.refused(400, "VALIDATION_ERROR");
    let violations = answer.body["error"]["details"]["violations"].as_array().unwrap().clone();
    let mut named: Vec<_> = violations.iter().map(|v| v["field"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, ["admin", "email", "fullName", "password", "phone", "tenant"]);
    assert!(violations.iter().all(|v| v["code"].is_string() && v["message"].is_string()));
}

#[tokio::test]
async fn every_field_of_a_cask_is_guarded() {
    let isla = calm().await.server.person("Isla").await;
    let broken = [
        ("name", json!("")),
        ("name", json!("x".repeat(201))),
        ("name", json!(7)),
        ("name", Value::Null),
        ("category", json!("gin")),
        ("age", json!(-1)),
        ("age", json!(1.5)),
        ("age", json!("12")),
        ("vintage", json!(99_999)),
        ("caskType", json!({})),
        ("fillDate", json!("2012-02-30")),
        ("alcoholContent", json!("63.555")),
        ("alcoholContent", json!("100.01")),
        ("alcoholContent", json!(-1)),
        ("alcoholContent", json!("1e2")),
        ("volume", json!("NaN")),
        ("volume", json!([])),
        ("storageLocation", json!("W7")),
        ("storageLocation", json!({ "shelf": "1" })),
        ("marketValue", json!({ "amount": "1.00", "currency": "pounds" })),
        ("marketValue", json!({ "amount": "1.00" })),
        ("description", json!("a\u{7}b")),
        ("unknown", json!(1)),
    ];
    for (field, value) in broken {
        let mut body = cask("B-1");
        body[field] = value.clone();
        let answer = isla.post("/api/v1/whiskeys", body).await.refused(400, "VALIDATION_ERROR");
        let violations = answer.body["error"]["details"]["violations"].to_string();
        assert!(violations.contains(&format!("\"{field}")), "{field} = {value}: {violations}");
    }
}

#[tokio::test]
async fn paths_and_headers_that_make_no_sense() {
    let isla = calm().await.server.person("Isla").await;
    for id in ["0", "-1", "007", "abc", "9223372036854775808", "%00", "%ff", "..%2f..", "1'--"] {
        let answer = isla.get(&format!("/api/v1/whiskeys/{id}")).await;
        assert!(matches!(answer.status.as_u16(), 400 | 404), "{id}: {}", answer.body);
        assert_eq!(answer.body["success"], false, "{id}");
    }
    isla.get("/api/v1/whiskeys/123456789").await.refused(404, "WHISKEY_NOT_FOUND");
    isla.get("/api/v1/nfts/123456789").await.refused(404, "NFT_NOT_FOUND");

    let with = |name: &'static str, value: &'static [u8]| {
        let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
        Answer::of(
            isla.request(Method::POST, "/api/v1/whiskeys").json(&cask("H-1")).header(name, value),
        )
    };
    for key in [b"".as_slice(), b"with space", b"\xff\xfe"] {
        let answer = with("Idempotency-Key", key).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert_eq!(answer.code(), "VALIDATION_ERROR");
    }
    with("X-Request-Id", b"<script>").await.expect(201);
    with("traceparent", b"nonsense").await.expect(201);
    for position in ["-1", "x", "1e3", "99999999999999999999"] {
        let read = isla.request(Method::GET, "/api/v1/whiskeys").header("X-Min-Position", position);
        Answer::of(read).await.refused(400, "VALIDATION_ERROR");
    }
    for authorization in ["Bearer", "Basic x", "Bearer  ", "bearer é"] {
        let visitor = calm().await.server.visitor();
        let request = visitor.request(Method::GET, "/api/v1/users/me");
        let answer = Answer::of(request.header("Authorization", authorization)).await;
        assert_eq!(answer.status, 401, "{authorization}: {}", answer.body);
        assert_eq!(answer.body["success"], false);
    }
}
