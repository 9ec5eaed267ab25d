//! Somebody signs out at one process; how long the other goes on believing the token.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::clients::{Clients, Tokens, answer};
use crate::scale::{INTERVAL, PATIENCE, SIGN_OUTS};
use crate::server::Server;

pub async fn sign_outs(clients: &Clients, other: &Server) -> Vec<Duration> {
    let me = format!("{}/api/v1/users/me", other.url);
    let mut took = Vec::new();
    for (person, number) in clients.people.iter().zip(0..SIGN_OUTS) {
        let Tokens { access, .. } = clients.tokens_of(person).await.unwrap();
        let status = async || {
            let answer = clients.client.get(&me).bearer_auth(&access).send().await.unwrap();
            answer.status().as_u16()
        };
        assert_eq!(status().await, 200);
        // The log is looked at in intervals, and the sign-in was just seen: without this, every
        // sign-out would come at the same moment of an interval.
        sleep(INTERVAL * u32::try_from(number).unwrap() / u32::try_from(SIGN_OUTS).unwrap()).await;
        let url = format!("{}/api/v1/auth/logout", clients.url);
        let request = clients.client.post(url).bearer_auth(&access).json(&json!({}));
        answer(&clients.public, request).await.unwrap();
        let ended = Instant::now();
        while status().await != 401 {
            assert!(ended.elapsed() < PATIENCE, "the other process never knew");
            sleep(Duration::from_millis(1)).await;
        }
        took.push(ended.elapsed());
    }
    took
}
