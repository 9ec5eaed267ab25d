//! Sessions: refreshed, copied, ended, and known to be ended everywhere.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World, calm, until};

const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/users/me";

#[tokio::test]
async fn a_copied_refresh_token_ends_the_session_and_a_lost_answer_does_not() {
    let server = &calm().await.server;
    let mut isla = server.person("Isla").await;
    let stolen = isla.refresh_token.clone();

    let first = isla.refresh(&stolen).await.expect(200);
    // The answer was lost: asked again, the very same token comes.
    let again = isla.refresh(&stolen).await.expect(200);
    assert_eq!(first.data()["refreshToken"], again.data()["refreshToken"]);
    assert_ne!(first.data()["refreshToken"], stolen.as_str());
    isla.keep(&again);
    isla.get(ME).await.expect(200);

    // Its successor has been used, so whoever shows it now has a copy.
    let second = isla.refresh(&isla.refresh_token).await.expect(200);
    isla.keep(&second);
    isla.refresh(&stolen).await.refused(401, "REFRESH_TOKEN_REVOKED");
    isla.refresh(&isla.refresh_token).await.refused(401, "REFRESH_TOKEN_REVOKED");
    until("its access token is refused", || async {
        let answer = isla.get(ME).await;
        (answer.status == 401).then(|| answer.refused(401, "TOKEN_REVOKED"))
    })
    .await;
    isla.signed_in().await.get(ME).await.expect(200);
}

#[tokio::test]
async fn an_idempotency_key_does_not_make_a_copy_good_again() {
    let server = &calm().await.server;
    let mut isla = server.person("Isla").await;
    let stolen = isla.refresh_token.clone();
    let with_key = async |token: &str| {
        let body = json!({ "refreshToken": token });
        let request = isla.request(reqwest::Method::POST, REFRESH).json(&body);
        crate::world::Answer::of(request.header("Idempotency-Key", "captured")).await
    };
    let first = with_key(&stolen).await.expect(200);
    let next = first.data()["refreshToken"].as_str().unwrap().to_owned();
    isla.refresh(&next).await.expect(200);
    with_key(&stolen).await.refused(401, "REFRESH_TOKEN_REVOKED");
    isla = isla.signed_in().await;
    isla.get(ME).await.expect(200);
}

#[tokio::test]
async fn a_session_that_is_refreshed_without_end_is_ended_all_the_same() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let thief = isla.clone();
    let refreshing = tokio::spawn(async move {
        let mut token = thief.refresh_token.clone();
        let mut rounds = 0;
        loop {
            let answer = thief.refresh(&token).await;
            if answer.status != 200 {
                return (rounds, answer);
            }
            token = answer.data()["refreshToken"].as_str().unwrap().to_owned();
            rounds += 1;
        }
    });
    let out = isla.clone().signed_in().await;
    let all = json!({ "allDevices": true });
    out.post("/api/v1/auth/logout", all).await.expect(200);
    let (rounds, last) = refreshing.await.unwrap();
    assert!(rounds > 0);
    last.refused(401, "REFRESH_TOKEN_REVOKED");
}

#[tokio::test]
async fn however_many_refresh_at_once_the_session_has_one_successor() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let answers = futures::future::join_all((0..12).map(|_| isla.refresh(&isla.refresh_token)));
    let tokens: std::collections::BTreeSet<String> = answers
        .await
        .into_iter()
        .map(|answer| answer.expect(200).data()["refreshToken"].to_string())
        .collect();
    assert_eq!(tokens.len(), 1);
}

#[tokio::test]
async fn tokens_that_were_never_given_out_refresh_nothing() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let mut forged = isla.refresh_token.clone();
    forged.replace_range(20..22, "zz");
    for token in ["x", "ccr_", "ccr_AAAA", &forged] {
        isla.refresh(token).await.refused(401, "TOKEN_INVALID");
    }
    let metrics = isla.request(reqwest::Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for counted in [
        "auth_token_operations_total{operation=\"refresh\",status=\"failure\"}",
        "auth_login_attempts_total{tenant_id=\"1\",method=\"password\",status=\"success\"}",
    ] {
        assert!(metrics.contains(counted), "{metrics}");
    }
    isla.post(REFRESH, json!({})).await.refused(400, "VALIDATION_ERROR");
    isla.refresh(&isla.refresh_token).await.expect(200);
}

#[tokio::test]
async fn a_person_signs_out_here_or_everywhere_and_of_nobody_else_s_session() {
    let server = &calm().await.server;
    let here = server.person("Isla").await;
    let there = here.clone().signed_in().await;
    let stranger = server.person("Finlay").await;
    let session =
        |answer: &crate::world::Answer| answer.data()["sessionId"].as_str().unwrap().to_owned();
    let of_here = session(&here.refresh(&here.refresh_token).await.expect(200));

    let path = format!("/api/v1/auth/sessions/{of_here}");
    stranger.delete(&path).await.refused(404, "SESSION_NOT_FOUND");
    stranger.delete("/api/v1/auth/sessions/1").await.refused(404, "SESSION_NOT_FOUND");
    stranger.delete("/api/v1/auth/sessions/one").await.refused(404, "SESSION_NOT_FOUND");
    let body = json!({ "token": here.refresh_token });
    stranger.post("/api/v1/auth/revoke", body).await.refused(404, "SESSION_NOT_FOUND");

    let out = there.post("/api/v1/auth/logout", json!({})).await.expect(200);
    assert_eq!(out.data(), &json!({ "revokedSessions": 1, "revokedTokens": 1 }));
    until("one session is over, the other is not", || async {
        let over = there.get(ME).await.status == 401;
        here.get(ME).await.expect(200);
        over.then_some(())
    })
    .await;

    let third = here.clone().signed_in().await;
    let all = json!({ "allDevices": true });
    let out = third.post("/api/v1/auth/logout", all).await.expect(200);
    assert_eq!(out.data()["revokedSessions"], 2);
    for gone in [&here, &third] {
        until("both are over", || async { (gone.get(ME).await.status == 401).then_some(()) }).await;
        gone.refresh(&gone.refresh_token).await.refused(401, "REFRESH_TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn the_sixth_sign_in_ends_the_oldest_session() {
    let server = &calm().await.server;
    let first = server.person("Isla").await;
    let mut newest = first.clone();
    for _ in 0..4 {
        newest = newest.signed_in().await;
    }
    first.refresh(&first.refresh_token).await.expect(200);
    let sixth = newest.signed_in().await;
    first.refresh(&first.refresh_token).await.refused(401, "REFRESH_TOKEN_REVOKED");
    until("five sessions are shown", || async {
        let list = sixth.get("/api/v1/auth/sessions").await.expect(200);
        (list.data().as_array().unwrap().len() == 5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_rotated_in_is_published_before_it_signs() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let keys = async |person: &crate::world::Person| {
        let keys = person.get("/.well-known/jwks.json").await.body["keys"].clone();
        keys.as_array().unwrap().len()
    };
    assert_eq!(keys(&isla).await, 1);
    let kek = world.data_folder().join("secrets/key-encryption-key");
    let rotated = tokio::process::Command::new(env!("CARGO_BIN_EXE_caskchain"))
        .args(["keys", "rotate"])
        .envs(world.settings(&[]))
        .env("CASKCHAIN_KEY_ENCRYPTION_KEY_FILE", kek)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && said.contains("signs from"), "{said}");

    server.terminate().await;
    let server = world.server().await;
    let isla = isla.at(&server.url);
    assert_eq!(keys(&isla).await, 2);
    // Yesterday's key still signs, and what it signed is believed.
    isla.get(ME).await.expect(200);
    isla.clone().signed_in().await.get(ME).await.expect(200);
}

#[tokio::test]
async fn strangers_can_check_a_token_with_the_published_keys() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let refreshed = isla.refresh(&isla.refresh_token).await.expect(200);
    let token = refreshed.data()["accessToken"].as_str().unwrap();
    let said = isla.post("/api/v1/auth/verify", json!({ "token": token })).await.expect(200);
    assert_eq!(said.data()["payload"]["email"], isla.email.as_str());
    assert_eq!(said.data()["sessionId"], refreshed.data()["sessionId"]);
    let bad = isla.post("/api/v1/auth/verify", json!({ "token": "a.b.c" })).await;
    assert_eq!(bad.refused(401, "TOKEN_INVALID").body["error"]["details"]["reason"], "malformed");

    let published = isla.get("/.well-known/openid-configuration").await.body;
    assert_eq!(published["jwks_uri"], "https://casks.example/.well-known/jwks.json");
    let keys = isla.get("/.well-known/jwks.json").await;
    assert_eq!(keys.header("cache-control"), "public, max-age=3600");
    let parts: Vec<&str> = token.split('.').collect();
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let header: Value = serde_json::from_slice(&bytes(parts[0])).unwrap();
    let key = keys.body["keys"].as_array().unwrap();
    let key = key.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let number = |name: &str| bytes(key[name].as_str().unwrap());
    let signed = format!("{}.{}", parts[0], parts[1]);
    RsaPublicKeyComponents { n: number("n"), e: number("e") }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &bytes(parts[2]))
        .unwrap();
}

#[tokio::test]
async fn a_sign_in_that_is_repeated_gives_the_token_of_now() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let login = async || {
        let body = json!({ "identifier": isla.email, "password": isla.password });
        let request = isla.request(reqwest::Method::POST, "/api/v1/auth/login").json(&body);
        crate::world::Answer::of(request.header("Idempotency-Key", "signing-in")).await.expect(200)
    };
    let token =
        |answer: &crate::world::Answer| answer.data()["refreshToken"].as_str().unwrap().to_owned();
    let first = token(&login().await);
    let second = token(&isla.refresh(&first).await.expect(200));
    let repeated = login().await;
    assert_eq!(repeated.header("idempotency-replayed"), "true");
    assert_eq!(token(&repeated), second);
}

/// The answer to a refresh is lost with the process: after the restart the old token still leads to
/// the one successor there is.
#[tokio::test]
async fn killed_while_tokens_are_refreshed() {
    let world = World::new().await;
    let mut server = world.server().await;
    let mut isla = server.person("Isla").await;
    for wait_ms in [1, 3, 6] {
        let (asking, old) = (isla.clone(), isla.refresh_token.clone());
        let lost = tokio::spawn(async move {
            let body = json!({ "refreshToken": asking.refresh_token });
            let _ = asking.request(reqwest::Method::POST, REFRESH).json(&body).send().await;
        });
        tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
        server.kill().await;
        lost.await.unwrap();
        server = world.server().await;
        isla = isla.at(&server.url);
        let one = isla.refresh(&old).await.expect(200);
        let other = isla.refresh(&old).await.expect(200);
        assert_eq!(one.data()["refreshToken"], other.data()["refreshToken"]);
        isla.keep(&one);
    }
    let log = world.log().await;
    let refreshed = log.iter().filter(|(_, event)| event.contains("session.tokens_refreshed"));
    assert_eq!(refreshed.count(), 3, "a token was changed twice");
}

/// Session fixation: nothing a client brings along becomes the session somebody signs in to.
#[tokio::test]
async fn a_session_is_never_one_that_somebody_else_chose() {
    let server = &calm().await.server;
    let (thief, isla) = (server.person("Finlay").await, server.person("Isla").await);
    let body = json!({
        "identifier": isla.email, "password": isla.password,
        "deviceInfo": { "token": thief.device_token },
    });
    // Through a browser that was prepared with the thief's token and key.
    let login = async |key: &str| {
        let request = thief.request(Method::POST, "/api/v1/auth/login").json(&body);
        Answer::of(request.header("Idempotency-Key", key)).await
    };
    let entered = login("the-thief-s-key").await.expect(200);
    let payload = |token: &str| {
        let body = json!({ "token": token });
        let thief = thief.clone();
        async move { thief.post("/api/v1/auth/verify", body).await.expect(200).data().clone() }
    };
    let of_thief = payload(thief.token()).await;
    assert_ne!(entered.data()["sessionId"], of_thief["sessionId"]);
    assert_ne!(entered.data()["deviceId"], thief.device.as_str());
    assert_eq!(entered.data()["userId"], isla.id().await.as_str());
    assert_eq!(of_thief["payload"]["sub"], thief.id().await.as_str());
    // The key gives its answer to nobody who does not know the password.
    let mut guess = body.clone();
    guess["password"] = json!("Wrong&Smoke1994");
    let request = thief.request(Method::POST, "/api/v1/auth/login").json(&guess);
    let guessed = Answer::of(request.header("Idempotency-Key", "the-thief-s-key")).await;
    guessed.refused(401, "INVALID_CREDENTIALS");
    let mut chosen = body.clone();
    chosen["sessionId"] = of_thief["sessionId"].clone();
    thief.post("/api/v1/auth/login", chosen).await.refused(400, "VALIDATION_ERROR");
}
