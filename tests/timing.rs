//! How long an answer takes tells no more than what it says: whether there is an account, nobody
//! learns with a watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::busy::Busy;
use crate::world::samples::{chance, greatest_distance, median};
use crate::world::{Server, World, until};

const LOGIN: &str = "/api/v1/auth/login";
const REGISTER: &str = "/api/v1/auth/register";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESEND: &str = "/api/v1/auth/resend-verification";

/// Thrown away, of each measurement.
const WARM_UP: usize = 5;
/// A round that tells both apart is bad luck once in ten thousand; three in a row are none.
const ROUNDS: usize = 3;
const LEAST_CHANCE: f64 = 0.000_1;
/// What medians may differ by: the greater of both.
const MEDIANS_APART: Duration = Duration::from_millis(1);
const MEDIANS_APART_SHARE: f64 = 0.05;

/// One hashing thread, with hashes that are cheap enough for thousands and dear enough to be missed.
const COSTS: [(&str, &str); 3] = [
    ("CASKCHAIN_PASSWORDS__THREADS", "1"),
    ("CASKCHAIN_PASSWORDS__MEMORY_KIB", "4096"),
    ("CASKCHAIN_PASSWORDS__ITERATIONS", "1"),
];
const IDLE: &str = "idle";
const BUSY: &str = "busy";
/// How much of what can be hashed is hashed for others.
const SHARE: f64 = 0.8;

/// What is asked about an address that is known and about one that is not, in turn.
struct Question {
    what: &'static str,
    path: &'static str,
    body: fn(&str) -> Value,
    names: Arc<Vec<String>>,
    /// What strangers are called.
    strangers: &'static str,
    /// How often a name may be asked about: one that is known, one that is not.
    uses: [usize; 2],
    asked: AtomicUsize,
}

/// Seconds, of both sides of a question.
type Sample = [Vec<f64>; 2];

#[tokio::test]
async fn a_watch_does_not_tell_whether_there_is_an_account() {
    let world = World::new().await;
    let server = world.server_with(&COSTS).await;
    let names = Names::of(&server).await;
    server.terminate().await;
    // Nothing is remembered of anybody, as of most people most of the time.
    let server = world.server_with(&COSTS).await;
    let questions = questions(names);

    for question in &questions {
        question.cannot_be_told_apart(&server, IDLE, 100).await;
    }
    let busy = Busy::keep(&server, SHARE).await;
    for question in &questions {
        question.cannot_be_told_apart(&server, BUSY, 30).await;
    }
    busy.end().await;
}

/// Addresses with an account, with one that is not verified yet, and with none.
struct Names {
    known: Vec<String>,
    pending: Vec<String>,
    reminded: Vec<String>,
}

impl Names {
    async fn of(server: &Server) -> Self {
        let register = async |kind: &str, count: usize| {
            let names = (0..count).map(|number| format!("{kind}.{number}@casks.example"));
            let names: Vec<String> = names.collect();
            let visitor = server.visitor();
            futures::stream::iter(&names)
                .for_each_concurrent(8, |name| async {
                    visitor.post(REGISTER, registration(name)).await.expect(201);
                })
                .await;
            names
        };
        let known = register("person.known", 150).await;
        verify(server, &known).await;
        let pending = register("person.pending", 225).await;
        let reminded = register("person.reminded", 115).await;
        Self { known, pending, reminded }
    }
}

fn registration(name: &str) -> Value {
    json!({ "email": name, "password": "Peat&Smoke1994", "fullName": "Isla Ferguson" })
}

fn address(name: &str) -> Value {
    json!({ "email": name })
}

fn wrong(name: &str) -> Value {
    json!({ "identifier": name, "password": "Wrong&Smoke1994" })
}

fn right(name: &str) -> Value {
    json!({ "identifier": name, "password": "Peat&Smoke1994" })
}

/// Opens the links in the letters to these addresses.
async fn verify(server: &Server, names: &[String]) {
    let outbox = server.data_folder.join("outbox");
    let links = until("everybody has a letter", || async {
        let letters = std::fs::read_dir(&outbox).ok()?.flatten();
        let letters = letters.filter(|file| file.path().extension().is_some_and(|e| e == "json"));
        let letters = letters.map(|file| std::fs::read_to_string(file.path()).unwrap());
        let letters = letters.map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let letters = letters.filter(|mail| names.iter().any(|name| mail["to"] == name.as_str()));
        let links: Vec<String> = letters
            .map(|mail| {
                let mut lines = mail["body"].as_str().unwrap().lines();
                let link = lines.find(|line| line.starts_with("http")).unwrap();
                link.split_once("/api/").map(|(_, path)| format!("/api/{path}")).unwrap()
            })
            .collect();
        (links.len() == names.len()).then_some(links)
    })
    .await;
    let visitor = server.visitor();
    futures::stream::iter(&links)
        .for_each_concurrent(8, |link| async {
            visitor.get(link).await.expect(200);
        })
        .await;
}

/// A name is good for four wrong passwords and for three letters an hour; one that is waiting for its
/// first has had one. A new one is new once.
fn questions(names: Names) -> Vec<Question> {
    let [known, pending, reminded] = [names.known, names.pending, names.reminded].map(Arc::new);
    let question =
        |what, path, body: fn(&str) -> Value, names: &Arc<Vec<String>>, uses, strangers| {
            let names = Arc::clone(names);
            Question { what, path, body, names, strangers, uses, asked: AtomicUsize::new(0) }
        };
    vec![
        question("registering with a known address", REGISTER, registration, &known, [3, 1], "new"),
        question("a new password for a known address", FORGOT, address, &known, [3, 3], "known"),
        question("a wrong password for a known address", LOGIN, wrong, &known, [4, 4], "known"),
        question(
            "the link for an unverified address",
            RESEND,
            address,
            &pending,
            [2, 2],
            "pending",
        ),
        question(
            "a wrong password for an unverified address",
            LOGIN,
            wrong,
            &pending,
            [4, 4],
            "pending",
        ),
        question(
            "the right password for an unverified address",
            LOGIN,
            right,
            &reminded,
            [4, 4],
            "reminded",
        ),
    ]
}

impl Question {
    async fn cannot_be_told_apart(&self, server: &Server, when: &str, pairs: usize) {
        let mut seen = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let [one, other] = self.measure(server, pairs).await;
            let distance = greatest_distance(&one, &other);
            let chance = chance(distance, one.len(), other.len());
            let medians = [median(&one), median(&other)];
            let apart = (medians[0] - medians[1]).abs();
            let allowed = MEDIANS_APART.as_secs_f64().max(MEDIANS_APART_SHARE * medians[1]);
            let said = format!(
                "{when}, {}: {:.2} ms, {:.2} ms if there is nobody; distance {distance:.3}, \
                 chance {chance:.5}",
                self.what,
                medians[0] * 1e3,
                medians[1] * 1e3
            );
            eprintln!("{said}, {:.1?}", began.elapsed());
            // Told apart is what is drawn from two sources and is apart: other stories share the
            // machine, and either alone happens.
            if chance > LEAST_CHANCE || apart < allowed {
                return;
            }
            seen.push(said);
        }
        panic!("told apart in every round:\n{}", seen.join("\n"));
    }

    /// What is asked in the nth pair.
    fn pair(&self, n: usize) -> [Value; 2] {
        let (known, stranger) = (&self.names[n / self.uses[0]], n / self.uses[1]);
        let stranger = format!("person.un{}.{stranger}@casks.example", self.strangers);
        [known, &stranger].map(|name| (self.body)(name))
    }

    /// One after the other, each pair in an order of its own.
    async fn measure(&self, server: &Server, pairs: usize) -> Sample {
        let (visitor, mut sample) = (server.visitor(), Sample::default());
        for number in 0..WARM_UP + pairs {
            let pair = self.pair(self.asked.fetch_add(1, Ordering::Relaxed));
            let [coin] = eventstore::Entropy::default().bytes::<1>().unwrap();
            let order = if coin % 2 == 0 { [0, 1] } else { [1, 0] };
            let mut said = [String::new(), String::new()];
            for side in order {
                let request = visitor.request(Method::POST, self.path).json(&pair[side]);
                let request = request.header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)");
                let began = Instant::now();
                let response = request.send().await.unwrap();
                let (status, headers) = (response.status(), response.headers().clone());
                let text = response.text().await.unwrap();
                let took = began.elapsed().as_secs_f64();
                if number >= WARM_UP {
                    sample[side].push(took);
                }
                said[side] = format!("{status}\n{}\n{}", heads(&headers), told(&text));
            }
            assert_eq!(said[0], said[1], "{}", self.what);
        }
        sample
    }
}

/// The headers of an answer, but for what is different each time.
fn heads(headers: &reqwest::header::HeaderMap) -> String {
    let changing = ["x-request-id", "ratelimit", "date", "content-length"];
    let heads = headers.iter().filter(|(name, _)| !changing.contains(&name.as_str()));
    let heads: Vec<String> = heads.map(|(name, value)| format!("{name}: {value:?}")).collect();
    heads.join("\n")
}

/// The bytes of an answer, with dots for what is different each time: ids and times.
fn told(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap();
    let mut told = text.to_owned();
    for name in ["requestId", "timestamp", "duration"] {
        for value in [&body["metadata"][name], &body["error"][name]] {
            told = told.replace(&format!("\"{name}\":{value}"), &format!("\"{name}\":..."));
        }
    }
    told
}
