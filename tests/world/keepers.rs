//! What answers like a kubo node and like a pinning service: by their documentation, for neither can
//! be had here. The node cuts and hashes what it is given, and so comes to an identifier of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use commands::unixfs::{Import, Profile};
use poem::http::{HeaderMap, StatusCode, header};
use poem::listener::TcpListener;
use poem::web::{Data, Json, Query};
use poem::{Body, EndpointExt, Route, Server, get, handler, post};
use serde_json::{Value, json};

use super::{free_port, until};

pub const TOKEN: &str = "5f2c9a";

/// How the node is today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// It answers every request with an error of its own.
    Broken,
    /// Its defaults are others, and it does not listen to what it is told.
    Stubborn,
}

#[derive(Clone)]
struct Kept {
    mood: Arc<Mutex<Mood>>,
    /// What the node was given, by what it calls it.
    added: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// What the service was asked to keep.
    pins: Arc<Mutex<Vec<Value>>>,
    requests: Arc<Mutex<usize>>,
}

/// Both, at one place. They end with the story.
pub struct Keepers {
    port: u16,
    kept: Kept,
    serving: tokio::task::JoinHandle<()>,
}

impl Keepers {
    pub async fn start(mood: Mood) -> Self {
        let kept = Kept {
            mood: Arc::new(Mutex::new(mood)),
            added: Arc::default(),
            pins: Arc::default(),
            requests: Arc::default(),
        };
        let port = free_port();
        let route = Route::new()
            .at("/api/v0/add", post(add))
            .at("/psa/pins", get(pins).post(keep))
            .data(kept.clone());
        let serving = tokio::spawn(async move {
            Server::new(TcpListener::bind(("127.0.0.1", port))).run(route).await.unwrap();
        });
        until("what keeps content listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| ())
        })
        .await;
        Self { port, kept, serving }
    }

    pub fn settings(&self) -> [(&'static str, String); 5] {
        let url = format!("http://127.0.0.1:{}", self.port);
        [
            ("CASKCHAIN_IPFS__KUBO_URL", url.clone()),
            ("CASKCHAIN_IPFS__KUBO_TOKEN", TOKEN.to_owned()),
            ("CASKCHAIN_IPFS__PINNING_URL", format!("{url}/psa")),
            ("CASKCHAIN_IPFS__PINNING_TOKEN", TOKEN.to_owned()),
            ("CASKCHAIN_IPFS__ORIGINS", r#"["/dns4/casks.example/tcp/443/https"]"#.to_owned()),
        ]
    }

    pub fn be(&self, mood: Mood) {
        *self.kept.mood.lock().unwrap() = mood;
    }

    /// How often the node was asked.
    pub fn requests(&self) -> usize {
        *self.kept.requests.lock().unwrap()
    }

    /// What the node was given, by what it calls it.
    pub fn added(&self) -> BTreeMap<String, Vec<u8>> {
        self.kept.added.lock().unwrap().clone()
    }

    pub fn pins(&self) -> Vec<Value> {
        self.kept.pins.lock().unwrap().clone()
    }
}

impl Drop for Keepers {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn is_known(headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {TOKEN}");
    headers.get(header::AUTHORIZATION).is_some_and(|token| *token == *expected)
}

#[handler]
async fn add(
    headers: &HeaderMap,
    Query(asked): Query<BTreeMap<String, String>>,
    body: Body,
    kept: Data<&Kept>,
) -> (StatusCode, String) {
    *kept.requests.lock().unwrap() += 1;
    if !is_known(headers) {
        return (StatusCode::FORBIDDEN, String::new());
    }
    let mood = *kept.mood.lock().unwrap();
    if mood == Mood::Broken {
        let error = json!({ "Message": "out of disk", "Code": 0, "Type": "error" });
        return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    }
    let wanted = [
        ("cid-version", "1"),
        ("raw-leaves", "true"),
        ("chunker", "size-262144"),
        ("max-file-links", "174"),
        ("pin", "true"),
    ];
    let told = wanted.iter().all(|(name, value)| asked.get(*name).is_some_and(|is| is == value));
    assert!(told, "{asked:?}");
    let bytes = file_of(&body.into_vec().await.unwrap());
    let profile = match mood {
        Mood::Stubborn => Profile { chunk: 16, links: 174 },
        _ => Profile::KUBO,
    };
    let mut import = Import::with(profile);
    import.push(&bytes);
    let (cid, size) = (import.finish().root.to_string(), bytes.len().to_string());
    kept.added.lock().unwrap().insert(cid.clone(), bytes);
    (StatusCode::OK, format!("{}\n", json!({ "Name": "it", "Hash": cid, "Size": size })))
}

/// The file in a form that has nothing else.
fn file_of(form: &[u8]) -> Vec<u8> {
    let find = |bytes: &[u8], what: &[u8]| {
        bytes.windows(what.len()).position(|window| window == what).unwrap()
    };
    let boundary = &form[..find(form, b"\r\n")];
    let file = &form[find(form, b"\r\n\r\n") + 4..];
    file[..find(file, &[b"\r\n", boundary].concat())].to_vec()
}

#[handler]
fn pins(
    headers: &HeaderMap,
    Query(asked): Query<BTreeMap<String, String>>,
    kept: Data<&Kept>,
) -> (StatusCode, Json<Value>) {
    if !is_known(headers) {
        return unauthorized();
    }
    let kept = kept.pins.lock().unwrap();
    let found: Vec<_> =
        kept.iter().filter(|pin| pin["cid"] == asked["cid"].as_str()).map(status).collect();
    (StatusCode::OK, Json(json!({ "count": found.len(), "results": found })))
}

#[handler]
fn keep(
    headers: &HeaderMap,
    Json(pin): Json<Value>,
    kept: Data<&Kept>,
) -> (StatusCode, Json<Value>) {
    if !is_known(headers) {
        return unauthorized();
    }
    kept.pins.lock().unwrap().push(pin.clone());
    (StatusCode::ACCEPTED, Json(status(&pin)))
}

fn status(pin: &Value) -> Value {
    json!({
        "requestid": "2c1f2b9e", "status": "queued", "created": "2026-11-21T17:32:28.276Z",
        "pin": pin, "delegates": ["/dnsaddr/pin.example"],
    })
}

fn unauthorized() -> (StatusCode, Json<Value>) {
    let error = json!({ "error": { "reason": "UNAUTHORIZED" } });
    (StatusCode::UNAUTHORIZED, Json(error))
}
