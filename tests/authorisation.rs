//! Who may: every operation of the document is asked without a token, with somebody else's idea of
//! one, and with one that has been ended.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, Person, calm, until};

/// Every operation that wants a token: method and path, with a number for each parameter.
async fn secured(visitor: &Person) -> Vec<(Method, String)> {
    let document = visitor.get("/openapi.json").await.body;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()) {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let parts =
                    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
                let path = parts.collect::<Vec<_>>().join("/");
                operations.push((method, format!("/api/v1{path}")));
            }
        }
    }
    operations
}

async fn ask(person: &Person, method: &Method, path: &str) -> Answer {
    let request = person.request(method.clone(), path);
    let has_body = *method == Method::POST || *method == Method::PUT || *method == Method::DELETE;
    Answer::of(if has_body { request.json(&json!({})) } else { request }).await
}

#[tokio::test]
async fn nothing_is_done_for_who_has_no_token_or_one_that_is_worth_nothing() {
    let server = &calm().await.server;
    let visitor = server.visitor();
    let ended = server.person("Isla").await;
    ended.post("/api/v1/auth/logout", json!({})).await.expect(200);
    until("the session is over", || async {
        (ended.get("/api/v1/users/me").await.status == 401).then_some(())
    })
    .await;
    let operations = secured(&visitor).await;
    assert!(operations.len() >= 20, "{}", operations.len());
    for (method, path) in &operations {
        ask(&visitor, method, path).await.refused(401, "UNAUTHORIZED");
        let garbage = visitor.clone().with_token("eyJhbGciOiJub25lIn0.e30.");
        ask(&garbage, method, path).await.refused(401, "TOKEN_INVALID");
        ask(&ended, method, path).await.refused(401, "TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn what_is_an_administrator_s_is_nobody_else_s() {
    let server = &calm().await.server;
    let (isla, other) = (server.person("Isla").await, server.person("Finlay").await.id().await);
    let status = json!({ "status": "SUSPENDED" });
    let path = format!("/api/v1/users/{other}");
    isla.put_json(&format!("{path}/status"), status).await.refused(403, "PERMISSION_DENIED");
    isla.put(&format!("{path}/lock")).await.refused(403, "PERMISSION_DENIED");
    isla.delete(&format!("{path}/lock")).await.refused(403, "PERMISSION_DENIED");
    isla.delete(&path).await.refused(403, "PERMISSION_DENIED");
}
