//! Limits by client address.

use reqwest::Method;
use serde_json::json;

use crate::processes::two_servers;
use crate::world::{Answer, Person, World};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const SENSITIVE: &str = "CASKCHAIN_LIMITS__SENSITIVE_PER_MINUTE";

async fn forgot(person: &Person, from: &str) -> Answer {
    let body = json!({ "email": person.email });
    let request = person.request(Method::POST, FORGOT).json(&body);
    Answer::of(request.header("X-Forwarded-For", from)).await
}

#[tokio::test]
async fn ten_a_minute_are_ten_over_all_processes_and_whatever_a_client_writes() {
    let world = World::new().await;
    let (one, other) = two_servers(&world, &[(SENSITIVE, "10")]).await;
    let visitors = [one.visitor(), other.visitor()];
    let asked = (0..24).map(|number| {
        let visitor = visitors[number % 2].clone();
        async move { forgot(&visitor, &format!("203.0.113.{number}")).await }
    });
    let answers = futures::future::join_all(asked).await;
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!(taken.len(), 10);
    assert!(
        taken.iter().any(|answer| answer.header("ratelimit").starts_with("\"sensitive\";r=0;"))
    );
    for answer in refused {
        assert_eq!(answer.header("ratelimit-policy"), "\"sensitive\";q=10;w=60");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((50..=61).contains(&wait), "{wait}");
        answer.refused(429, "RATE_LIMIT_EXCEEDED");
    }
    // Elsewhere nothing is the matter.
    one.visitor().get("/api/v1/auth/password/policy").await.expect(200);
}

#[tokio::test]
async fn ten_wrong_guesses_block_an_address_and_a_right_one_does_not_make_up_for_them() {
    let world = World::new().await;
    let proxy = ("CASKCHAIN_TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
    let failures = ("CASKCHAIN_LIMITS__FAILURES_BEFORE_BLOCK", "10");
    let server = world.server_with(&[proxy, failures]).await;
    let isla = server.person("Isla").await;
    let login = async |identifier: &str, password: &str, from: &str| {
        let body = json!({ "identifier": identifier, "password": password });
        let request = isla.request(Method::POST, "/api/v1/auth/login").json(&body);
        Answer::of(request.header("X-Forwarded-For", from)).await
    };
    let (attacker, neighbour) = ("2001:db8:1:2::1", "2001:db8:1:3::1");
    for guess in 0..9 {
        // One identifier a guess: none of them is locked.
        let victim = format!("victim.{guess}@casks.example");
        login(&victim, "Wrong&Smoke1994", attacker).await.refused(401, "INVALID_CREDENTIALS");
    }
    login(&isla.email, &isla.password, attacker).await.expect(200);
    let last = login("victim@casks.example", "Wrong&Smoke1994", attacker).await;
    last.refused(401, "INVALID_CREDENTIALS");

    let same_network = "2001:db8:1:2:ffff::1";
    for from in [attacker, same_network] {
        let blocked = login(&isla.email, &isla.password, from).await.refused(403, "IP_BLOCKED");
        let wait: u64 = blocked.header("retry-after").parse().unwrap();
        assert!((3_500..=3_601).contains(&wait), "{wait}");
    }
    login(&isla.email, &isla.password, neighbour).await.expect(200);
}

#[tokio::test]
async fn without_a_token_one_asks_less_often() {
    let world = World::new().await;
    let server = world.server_with(&[]).await;
    let isla = server.person("Isla").await;
    server.terminate().await;
    let few = ("CASKCHAIN_LIMITS__ANONYMOUS_PER_MINUTE", "60");
    let proxy = ("CASKCHAIN_TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
    let server = world.server_with(&[few, proxy]).await;
    let policy = async |person: &Person, path: &str| {
        let request = person.request(Method::GET, path).header("X-Forwarded-For", "203.0.113.9");
        Answer::of(request).await
    };
    // What is no token of ours is none.
    let visitor = server.visitor().with_token("x");
    let mut refused = None;
    for _ in 0..120 {
        let answer = policy(&visitor, "/api/v1/auth/password/policy").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    refused.unwrap().refused(429, "RATE_LIMIT_EXCEEDED");
    let isla = isla.at(&server.url);
    policy(&isla, "/api/v1/users/me").await.expect(200);
}
