//! The log as it grows, for whoever listens.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::world::{Person, World, cask, until};

const STREAM: &str = "/api/v1/events/stream";

/// Somebody who listens: what was said, and not read yet.
struct Listener {
    response: Response,
    text: String,
}

#[derive(Debug)]
struct Said {
    id: i64,
    event: String,
    data: Value,
}

impl Listener {
    async fn of(person: &Person, last: Option<i64>) -> Self {
        // Longer than a place is held for somebody who left: until the second keep-alive finds nobody.
        let mut request = person.request(Method::GET, STREAM).timeout(Duration::from_secs(120));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; none once the stream has ended.
    async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let message = message.to_owned();
                self.text = rest.to_owned();
                let field = |name: &str| {
                    message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
                };
                // A comment keeps the connection.
                let Some(id) = field("id:") else { continue };
                return Some(Said {
                    id: id.parse().unwrap(),
                    event: field("event:").unwrap().to_owned(),
                    data: serde_json::from_str(field("data:").unwrap()).unwrap(),
                });
            }
            let more = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    async fn until(&mut self, event: &str) -> Said {
        loop {
            let said = self.next().await.unwrap();
            if said.event == event {
                return said;
            }
        }
    }
}

#[tokio::test]
async fn whoever_listens_hears_everything_once_and_goes_on_where_they_were() {
    let world = World::new().await;
    let server = world.server().await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let mut now = Listener::of(&keeper, None).await;
    let mut whole = Listener::of(&keeper, Some(0)).await;
    let first = isla.post("/api/v1/whiskeys", cask("E-1")).await.expect(201).position();
    let said = now.until("whiskey.registered").await;
    assert_eq!((said.id, &said.data["type"]), (first, &said.event.clone().into()));

    // From the beginning nothing of the tenant is left out.
    let mut before = 0;
    loop {
        let said = whole.next().await.unwrap();
        let of_tenant: i64 = said.data["tenantPosition"].as_str().unwrap().parse().unwrap();
        assert_eq!(of_tenant, before + 1, "{said:?}");
        before = of_tenant;
        if said.id == first {
            break;
        }
    }
    // Whoever lost the connection goes on after what they heard.
    drop(now);
    let second = isla.post("/api/v1/whiskeys", cask("E-2")).await.expect(201).position();
    let mut again = Listener::of(&keeper, Some(first)).await;
    assert_eq!(again.until("whiskey.registered").await.id, second);

    // Another tenant hears nothing of it.
    let stranger = server.administrator_elsewhere(&world).await;
    let mut elsewhere = Listener::of(&stranger, Some(0)).await;
    stranger.cask("E-3").await;
    loop {
        let said = elsewhere.next().await.unwrap();
        assert!(said.data["data"].to_string().find("E-1").is_none(), "{said:?}");
        assert!(said.id != first && said.id != second);
        if said.event == "whiskey.registered" {
            break;
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_a_tenant_has_few() {
    let world = World::new().await;
    let server = world.server().await;
    let keeper = server.administrator().await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(Listener::of(&keeper, None).await);
    }
    keeper.get(STREAM).await.refused(503, "SERVER_BUSY");
    streams.pop();
    until("the place is free again", || async {
        let again = keeper.request(Method::GET, STREAM).send().await.unwrap();
        (again.status() == 200).then_some(())
    })
    .await;
    let bad = keeper.request(Method::GET, STREAM).header("Last-Event-ID", "x").send().await;
    assert_eq!(bad.unwrap().status(), 400);
    keeper.post("/api/v1/auth/logout", serde_json::json!({})).await;
    while streams[0].next().await.is_some() {}
}
