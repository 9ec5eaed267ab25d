//! Whoever listens for short messages: checks who signed them, and keeps them.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use poem::http::{HeaderMap, StatusCode};
use poem::listener::TcpListener;
use poem::web::Data;
use poem::{EndpointExt, Route, Server, handler, post};
use serde_json::Value;

use super::{free_port, until};

pub const SECRET: &str = "a shared secret";

#[derive(Clone, Default)]
struct Taken {
    messages: Arc<Mutex<Vec<Value>>>,
    /// While it is out of order.
    away: Arc<Mutex<bool>>,
}

/// Keeps every short message it is given. Ends with the story.
pub struct SmsListener {
    port: u16,
    taken: Taken,
    serving: tokio::task::JoinHandle<()>,
}

impl SmsListener {
    pub async fn start() -> Self {
        let (port, taken) = (free_port(), Taken::default());
        let route = Route::new().at("/sms", post(take)).data(taken.clone());
        let serving = tokio::spawn(async move {
            Server::new(TcpListener::bind(("127.0.0.1", port))).run(route).await.unwrap();
        });
        until("somebody listens for short messages", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| ())
        })
        .await;
        Self { port, taken, serving }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/sms", self.port)
    }

    pub fn is_away(&self, away: bool) {
        *self.taken.away.lock().unwrap() = away;
    }

    pub fn messages(&self) -> Vec<Value> {
        self.taken.messages.lock().unwrap().clone()
    }
}

impl Drop for SmsListener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[handler]
fn take(headers: &HeaderMap, body: Vec<u8>, taken: Data<&Taken>) -> StatusCode {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = headers
        .get("X-CaskChain-Signature")
        .and_then(|value| value.to_str().ok()?.strip_prefix("sha256="))
        .and_then(|code| hex::decode(code).ok());
    if signed.is_none_or(|code| hmac::verify(&key, &body, &code).is_err()) {
        return StatusCode::UNAUTHORIZED;
    }
    if *taken.away.lock().unwrap() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    taken.messages.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}
