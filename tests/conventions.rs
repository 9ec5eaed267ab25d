//! What every request and answer has in common.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, calm, cask};

#[tokio::test]
async fn every_answer_is_in_the_envelope_and_carries_its_headers() {
    let server = &calm().await.server;
    let visitor = server.visitor();
    let request = visitor.request(Method::GET, "/health").header("X-Request-Id", "story-0001");
    let answer = Answer::of(request).await.expect(200);
    assert_eq!(answer.body["success"], true);
    assert_eq!(answer.body["metadata"]["requestId"], "story-0001");
    assert_eq!(answer.body["metadata"]["service"], "caskchain");
    for (name, value) in [
        ("x-request-id", "story-0001"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("content-security-policy", "default-src 'self'"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_in_the_envelope_too() {
    let server = &calm().await.server;
    let visitor = server.visitor();
    visitor.get("/api/v1/nowhere").await.refused(404, "NOT_FOUND");
    visitor.get("/").await.refused(404, "NOT_FOUND");
    let deleted = visitor.request(Method::DELETE, "/api/v1/auth/login");
    Answer::of(deleted).await.refused(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn failures_speak_three_languages_and_rfc_9457() {
    let server = &calm().await.server;
    let ask = |accept: &'static str, language: &'static str| {
        let request = server.visitor().request(Method::GET, "/api/v1/users/me");
        Answer::of(request.header("Accept", accept).header("Accept-Language", language))
    };
    let messages = [("en", "Sign in first."), ("zh-Hant", "請先登入。"), ("zh-CN", "请先登录。")];
    for (language, message) in messages {
        let answer = ask("application/json", language).await.refused(401, "UNAUTHORIZED");
        assert_eq!(answer.body["error"]["message"], message);
    }
    let problem = ask("application/problem+json", "en").await.expect(401);
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(problem.body["status"], 401);
    assert_eq!(problem.body["code"], "UNAUTHORIZED");
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    let server = &calm().await.server;
    let ask = |origin: &'static str| {
        let request = server.visitor().request(Method::GET, "/health");
        Answer::of(request.header("Origin", origin))
    };
    let listed = ask("https://casks.example").await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://casks.example");
    let strange = ask("https://casks.example.evil").await;
    assert_eq!(strange.header("access-control-allow-origin"), "");

    let preflight = server.visitor().request(Method::OPTIONS, "/api/v1/whiskeys");
    let preflight = preflight
        .header("Origin", "https://casks.example")
        .header("Access-Control-Request-Method", "POST");
    let answer = Answer::of(preflight).await.expect(204);
    assert_eq!(answer.header("access-control-max-age"), "3600");
    assert!(answer.header("access-control-allow-headers").contains("Idempotency-Key"));
}

#[tokio::test]
async fn the_same_key_does_once_and_answers_alike() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let ask = |key: &'static str, number: &'static str| {
        let request = isla.request(Method::POST, "/api/v1/whiskeys").json(&cask(number));
        Answer::of(request.header("Idempotency-Key", key))
    };
    let first = ask("key-1", "I-1").await.expect(201);
    let second = ask("key-1", "I-1").await.expect(201);
    assert_eq!(first.data(), second.data());
    assert_eq!(first.position(), second.position());
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!((first.header("etag"), second.header("etag")), ("\"1\"", "\"1\""));
    ask("key-1", "I-2").await.refused(409, "IDEMPOTENCY_MISMATCH");

    let answers = futures::future::join_all((0..6).map(|_| ask("key-2", "I-3"))).await;
    for answer in &answers {
        assert_eq!(answer.data(), answers[0].data(), "{}", answer.body);
    }
    let mine = isla.get_at("/api/v1/whiskeys?owner=me", answers[0].position()).await.expect(200);
    assert_eq!(mine.body["pagination"]["total"], 2);
}

#[tokio::test]
async fn a_stale_write_is_refused() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let registered = isla.post("/api/v1/whiskeys", cask("E-1")).await.expect(201);
    assert_eq!(registered.header("etag"), "\"1\"");
    let path = format!("/api/v1/whiskeys/{}/approve", registered.data()["id"].as_str().unwrap());
    let approve =
        |tag: &'static str| Answer::of(keeper.request(Method::PUT, &path).header("If-Match", tag));
    approve("\"7\"").await.refused(412, "PRECONDITION_FAILED");
    approve("7").await.refused(400, "VALIDATION_ERROR");
    assert_eq!(approve("\"1\"").await.expect(200).header("etag"), "\"2\"");
}

#[tokio::test]
async fn a_read_waits_for_the_write_it_names_and_not_for_ever() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    for number in 0..10 {
        let written = isla.post("/api/v1/whiskeys", cask(&format!("W-{number}"))).await.expect(201);
        let path = format!("/api/v1/whiskeys/{}", written.data()["id"].as_str().unwrap());
        isla.get_at(&path, written.position()).await.expect(200);
    }
    let behind = isla.get_at("/api/v1/whiskeys", 9_000_000).await.refused(503, "PROJECTION_BEHIND");
    assert_eq!(behind.header("retry-after"), "1");
    assert_eq!(behind.body["error"]["retryable"], true);
}

#[tokio::test]
async fn lists_have_pages_and_bounds() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let mut last = 0;
    for number in 0..3 {
        let written = isla.post("/api/v1/whiskeys", cask(&format!("L-{number}"))).await.expect(201);
        last = written.position();
    }
    let page = isla.get_at("/api/v1/whiskeys?owner=me&limit=2&page=2", last).await.expect(200);
    assert_eq!(page.data().as_array().unwrap().len(), 1);
    assert_eq!(
        page.body["pagination"],
        json!({
            "page": 2, "pageSize": 2, "total": 3, "totalPages": 2, "hasNext": false, "hasPrev": true,
        })
    );
    for query in ["limit=101", "limit=0", "page=0", "page=x", "status=nope", "owner=-1"] {
        isla.get(&format!("/api/v1/whiskeys?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn the_trace_is_continued_into_the_log() {
    let calm = calm().await;
    let isla = calm.server.person("Isla").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = isla.request(Method::POST, "/api/v1/whiskeys").json(&cask("T-1"));
    let answer = Answer::of(request.header("traceparent", trace)).await.expect(201);
    let log = calm.world.log().await;
    let (_, envelope) = &log[usize::try_from(answer.position()).unwrap()];
    assert!(envelope.contains(trace), "{envelope}");
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let server = &calm().await.server;
    let visitor = server.visitor();
    let document = visitor.get("/openapi.json").await.expect(200);
    assert_eq!(document.body["info"]["title"], "CaskChain");
    let page = visitor.request(Method::GET, "/docs").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("SwaggerUIBundle") && !page.contains("src=\"http"));
    let metrics = visitor.request(Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for name in ["projection_lag{projection=\"nfts\"}", "events_appended_total", "# EOF"] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
}
