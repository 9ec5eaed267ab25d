//! What answers like Mailjet: the documented answers, and which mails it took.

use std::sync::{Arc, Mutex};

use poem::http::{HeaderMap, StatusCode, header};
use poem::listener::TcpListener;
use poem::web::{Data, Json};
use poem::{EndpointExt, Route, Server, handler, post};
use serde_json::{Value, json};

use super::{free_port, until};

pub const KEY: &str = "0f8d1c";
pub const SECRET: &str = "77aa3e";
/// `KEY:SECRET`, as basic authentication writes it.
const AUTHORIZATION: &str = "Basic MGY4ZDFjOjc3YWEzZQ==";

#[derive(Clone, Default)]
struct Taken {
    accepted: Arc<Mutex<Vec<Value>>>,
    rejected: Arc<Mutex<usize>>,
    /// While the account has other keys.
    locked: Arc<Mutex<bool>>,
}

/// Keeps every mail it is given. Ends with the story.
pub struct Mailjet {
    port: u16,
    taken: Taken,
    serving: tokio::task::JoinHandle<()>,
}

impl Mailjet {
    pub async fn start() -> Self {
        let (port, taken) = (free_port(), Taken::default());
        let route = Route::new().at("/v3.1/send", post(send)).data(taken.clone());
        let serving = tokio::spawn(async move {
            Server::new(TcpListener::bind(("127.0.0.1", port))).run(route).await.unwrap();
        });
        until("what answers like Mailjet listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| ())
        })
        .await;
        Self { port, taken, serving }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers every key as a wrong one, or none.
    pub fn lock(&self, locked: bool) {
        *self.taken.locked.lock().unwrap() = locked;
    }

    /// The messages it accepted, as they came.
    pub fn accepted(&self) -> Vec<Value> {
        self.taken.accepted.lock().unwrap().clone()
    }

    /// How many requests had keys it did not like.
    pub fn rejected(&self) -> usize {
        *self.taken.rejected.lock().unwrap()
    }
}

impl Drop for Mailjet {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[handler]
fn send(
    headers: &HeaderMap,
    Json(request): Json<Value>,
    taken: Data<&Taken>,
) -> (StatusCode, Json<Value>) {
    let known = headers.get(header::AUTHORIZATION).is_some_and(|keys| keys == AUTHORIZATION);
    if !known || *taken.locked.lock().unwrap() {
        *taken.rejected.lock().unwrap() += 1;
        let message = "API key authentication/authorization failure.";
        let answer = json!({ "StatusCode": 401, "ErrorMessage": message });
        return (StatusCode::UNAUTHORIZED, Json(answer));
    }
    let message = request["Messages"][0].clone();
    let answer = json!({ "Messages": [{
        "Status": "success",
        "CustomID": message["CustomID"],
        "To": [{ "Email": message["To"][0]["Email"], "MessageID": 456 }],
    }] });
    taken.accepted.lock().unwrap().push(message);
    (StatusCode::OK, Json(answer))
}
