//! The listener for services: tokens and sessions, for whoever has a service token.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World, free_port, until};

const ME: &str = "/api/v1/users/me";

#[tokio::test]
async fn services_judge_tokens_and_end_sessions() {
    let world = World::new().await;
    let address = format!("127.0.0.1:{}", free_port());
    let server = world
        .server_with(&[
            ("CASKCHAIN_INTERNAL__LISTEN", &address),
            ("CASKCHAIN_INTERNAL__SERVICE_TOKENS", r#"["the-old-one","the-new-one"]"#),
        ])
        .await;
    let isla = server.person("Isla").await;
    let service = server.visitor().at(&format!("http://{address}"));
    let ask = async |token: &str, path: &str, body: Value| {
        let request = service.request(Method::POST, path).json(&body);
        Answer::of(request.header("X-Service-Token", token)).await
    };
    let refreshed = isla.refresh(&isla.refresh_token).await.expect(200);
    let token = refreshed.data()["accessToken"].as_str().unwrap();
    let session = refreshed.data()["sessionId"].as_str().unwrap();
    let verify = "/internal/auth/verify-token";
    let body = json!({ "token": token });

    for wrong in ["", "the-old-on", "Bearer the-old-one"] {
        ask(wrong, verify, body.clone()).await.refused(401, "UNAUTHORIZED");
    }
    // Nobody gets there from outside.
    isla.post(verify, body.clone()).await.refused(404, "NOT_FOUND");
    for valid in ["the-old-one", "the-new-one"] {
        let judged = ask(valid, verify, body.clone()).await.expect(200);
        assert_eq!(judged.data()["valid"], true);
        assert_eq!(judged.data()["payload"]["sid"], session);
    }

    let batch = "/internal/auth/verify-tokens-batch";
    let tokens = json!({ "tokens": [token, "a.b.c", token] });
    let judged = ask("the-new-one", batch, tokens).await.expect(200);
    let valid: Vec<_> = judged.data().as_array().unwrap().iter().map(|j| &j["valid"]).collect();
    assert_eq!(valid, [true, false, true]);
    assert_eq!(judged.data()[1]["reason"], "malformed");
    let too_many = json!({ "tokens": vec!["x"; 1001] });
    ask("the-new-one", batch, too_many).await.refused(400, "VALIDATION_ERROR");
    let broken = ask("the-new-one", batch, json!({ "tokens": ["x", 7] })).await;
    let broken = broken.refused(400, "VALIDATION_ERROR");
    assert_eq!(broken.body["error"]["field"], "tokens.1");

    let look = async || {
        let path = format!("/internal/auth/sessions/{session}");
        let request = service.request(Method::GET, &path);
        Answer::of(request.header("X-Service-Token", "the-new-one")).await.expect(200)
    };
    assert_eq!(look().await.data()["active"], true);
    let revoke = json!({ "userId": isla.id().await });
    let path = "/internal/auth/revoke-user-sessions";
    let done = ask("the-new-one", path, revoke).await.expect(200);
    assert_eq!(done.data()["revokedSessions"], 1);
    assert_eq!(look().await.data()["active"], false);
    until("the token is worth nothing", || async {
        (isla.get(ME).await.status == 401).then_some(())
    })
    .await;
    let judged = ask("the-new-one", verify, body).await.expect(200);
    assert_eq!(judged.data()["reason"], "revoked");
}

#[tokio::test]
async fn tokens_are_introspected_and_revoked_as_oauth_has_it() {
    let world = World::new().await;
    let address = format!("127.0.0.1:{}", free_port());
    let server = world
        .server_with(&[
            ("CASKCHAIN_INTERNAL__LISTEN", &address),
            ("CASKCHAIN_INTERNAL__SERVICE_TOKENS", r#"["the-token"]"#),
        ])
        .await;
    let isla = server.person("Isla").await;
    let other = isla.clone().signed_in().await;
    let service = server.visitor().at(&format!("http://{address}"));
    let send = async |token: &str, path: &str, form: &str| {
        let request = service.request(Method::POST, path).body(form.to_owned());
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        Answer::of(request.header("X-Service-Token", token)).await
    };
    let introspect = async |token: &str| {
        let form = format!("token={token}&token_type_hint=access_token");
        send("the-token", "/oauth2/introspect", &form).await.expect(200).body
    };
    let refreshed = isla.refresh(&isla.refresh_token).await.expect(200);
    let access = refreshed.data()["accessToken"].as_str().unwrap();
    let refresh = refreshed.data()["refreshToken"].as_str().unwrap();
    let of_access = introspect(access).await;
    assert_eq!((&of_access["active"], &of_access["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!(of_access["sub"], isla.id().await.as_str());
    assert!(of_access["scope"].as_str().unwrap().contains("whiskey.read"), "{of_access}");
    assert_eq!(introspect(refresh).await["sub"], of_access["sub"]);
    // What has been changed for another, what is none, and what is forged: nothing more is said.
    let forged = format!("{access}x");
    for worthless in [isla.refresh_token.as_str(), "x", &forged] {
        assert_eq!(introspect(worthless).await, json!({ "active": false }));
    }
    send("wrong", "/oauth2/introspect", "token=x").await.refused(401, "UNAUTHORIZED");
    for bad in ["", "tokn=x", "token=x&token=y"] {
        let refused = send("the-token", "/oauth2/introspect", bad).await.expect(400);
        assert_eq!(refused.body, json!({ "error": "invalid_request" }));
    }
    isla.post("/oauth2/introspect", json!({})).await.refused(404, "NOT_FOUND");

    send("the-token", "/oauth2/revoke", "token=x").await.expect(200);
    send("the-token", "/oauth2/revoke", &format!("token={refresh}")).await.expect(200);
    send("the-token", "/oauth2/revoke", &format!("token={refresh}")).await.expect(200);
    until("the token is worth nothing", || async {
        (introspect(access).await["active"] == false).then_some(())
    })
    .await;
    assert_eq!(introspect(refresh).await["active"], false);
    other.get(ME).await.expect(200);
}
