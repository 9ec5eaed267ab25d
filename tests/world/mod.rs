//! The world a story happens in: services, servers, people.

pub mod auditor;
pub mod backup;
pub mod busy;
pub mod chain_proxy;
mod forger;
pub mod keepers;
pub mod killing;
mod mail_server;
pub mod mailjet;
pub mod mint_lab;
mod npm;
pub mod other_unixfs;
mod person;
pub mod s3;
pub mod samples;
pub mod server;
pub mod sms_listener;
pub mod strangers;
pub mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use forger::Forger;
pub use mail_server::MailServer;
pub use person::{Answer, Person, cask};
pub use server::{Server, ended, run};

use cqrs_es::persist::SerializedEvent;
use domain::moment::Moment;
use domain::replay::{Deed, Replay};
use embedded::{Chain, ChainOptions, DataFolder, Nats, Postgres, PostgresOptions, Progress};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

const LOGIN: &str = "caskchain_stories";
const PASSWORD: &str = "stories";
const PATIENCE: Duration = Duration::from_secs(60);

/// PostgreSQL, NATS and a chain of a story's own, with the folder a server keeps its things in.
pub struct World {
    pub postgres: Postgres,
    pub nats: Nats,
    pub chain: Chain,
    folder: tempfile::TempDir,
}

/// A world with a server, shared by the stories that break nothing.
pub struct Calm {
    pub world: World,
    pub server: Server,
}

static CALM: OnceCell<Calm> = OnceCell::const_new();

/// The shared world. Its processes end with the test binary, whatever ends that.
pub async fn calm() -> &'static Calm {
    CALM.get_or_init(|| async {
        let world = World::new().await;
        let server = world.server().await;
        Calm { world, server }
    })
    .await
}

impl World {
    pub async fn new() -> Self {
        Self::with_chain(ChainOptions::default()).await
    }

    pub async fn with_chain(options: ChainOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = DataFolder::open(folder.path().join("services")).unwrap();
        let quiet: Progress = Arc::new(|_: &str| {});
        let throw_away = PostgresOptions { throw_away: true };
        let (postgres, nats, chain) = tokio::try_join!(
            Postgres::start_with(&services, &quiet, throw_away),
            Nats::start(&services, &quiet),
            Chain::start_with(&services, &quiet, options),
        )
        .unwrap();
        eventstore::database::migrate(&postgres.url()).await.unwrap();
        eventstore::database::ensure_login(&postgres.url(), LOGIN, PASSWORD).await.unwrap();
        Self { postgres, nats, chain, folder }
    }

    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// The database under the application's login.
    pub fn database_url(&self) -> String {
        let owner = self.postgres.url();
        let (_, place) = owner.rsplit_once('@').unwrap();
        format!("postgres://{LOGIN}:{PASSWORD}@{place}")
    }

    /// A server on these services.
    pub async fn server(&self) -> Server {
        self.server_with(&[]).await
    }

    pub async fn server_with(&self, settings: &[(&str, &str)]) -> Server {
        let server = Server::start(&self.data_folder(), &self.settings(settings));
        server.until_ready().await;
        server
    }

    pub fn settings(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut settings = vec![
            ("CASKCHAIN_DATABASE_URL".to_owned(), self.database_url()),
            ("CASKCHAIN_DATABASE_OWNER_URL".to_owned(), self.postgres.url()),
            ("CASKCHAIN_NATS_URL".to_owned(), self.nats.url()),
            ("CASKCHAIN_CHAIN__RPC_URL".to_owned(), self.chain.url()),
            // Tokens name their issuer, and ports change from server to server.
            ("CASKCHAIN_PUBLIC_URL".to_owned(), "https://casks.example".to_owned()),
            // All stories come from one address.
            ("CASKCHAIN_LIMITS__SENSITIVE_PER_MINUTE".to_owned(), "1000000".to_owned()),
            ("CASKCHAIN_LIMITS__ANONYMOUS_PER_MINUTE".to_owned(), "1000000".to_owned()),
            ("CASKCHAIN_LIMITS__SIGNED_IN_PER_MINUTE".to_owned(), "1000000".to_owned()),
            ("CASKCHAIN_LIMITS__FAILURES_BEFORE_BLOCK".to_owned(), "1000000".to_owned()),
            ("CASKCHAIN_ALLOWED_ORIGINS".to_owned(), r#"["https://casks.example"]"#.to_owned()),
        ];
        settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        settings
    }

    /// The owner's view of the database.
    pub async fn database(&self) -> sqlx::PgPool {
        sqlx::postgres::PgPoolOptions::new()
            .max_connections(2)
            .connect(&self.postgres.url())
            .await
            .unwrap()
    }

    /// All streams are gone, as after the loss of NATS's disk.
    pub fn forget_streams(&self) {
        let streams = self.folder.path().join("services/nats/jetstream");
        std::fs::remove_dir_all(streams).unwrap();
    }

    /// Every message of the event stream: position and payload, in stream order.
    pub async fn stream(&self) -> Vec<(i64, String)> {
        let client = eventstore::stream::connect(&self.nats.url()).await.unwrap();
        let jetstream = eventstore::stream::jetstream(client);
        let stream = jetstream.get_stream(eventstore::stream::NAME).await.unwrap();
        let state = stream.get_info().await.unwrap().state;
        let mut messages = Vec::new();
        for sequence in state.first_sequence..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let position = message.headers.get(eventstore::stream::POSITION).unwrap();
            let payload = String::from_utf8(message.payload.to_vec()).unwrap();
            messages.push((position.as_str().parse().unwrap(), payload));
        }
        messages
    }

    /// Waits until a reaction has done all that it was told of.
    pub async fn until_done(&self, reaction: &str) {
        until(&format!("{reaction} is done with everything"), || async {
            let client = eventstore::stream::connect(&self.nats.url()).await.ok()?;
            let jetstream = eventstore::stream::jetstream(client);
            let stream = jetstream.get_stream(eventstore::stream::NAME).await.ok()?;
            let told = stream.consumer_info(reaction).await.ok()?;
            (told.num_pending == 0 && told.num_ack_pending == 0).then_some(())
        })
        .await;
    }

    /// Every event of the log: position and envelope, in order.
    pub async fn log(&self) -> Vec<(i64, String)> {
        let database = self.database().await;
        sqlx::query_as("select position, envelope from eventstore.events order by position")
            .fetch_all(&database)
            .await
            .unwrap()
    }

    /// Appends an event to a stream behind the back of all servers: the stream's last one, changed.
    /// Gives its position.
    pub async fn append(
        &self,
        aggregate_type: &str,
        id: &str,
        change: impl FnOnce(&mut Value, &[Value]),
    ) -> i64 {
        let log = self.log().await;
        let of_stream = |e: &Value| e["aggregateType"] == aggregate_type && e["aggregateId"] == id;
        let envelopes = log.iter().map(|(_, text)| serde_json::from_str::<Value>(text).unwrap());
        let envelopes: Vec<Value> = envelopes.filter(of_stream).collect();
        let mut last = envelopes.last().unwrap().clone();
        let sequence = last["sequence"].as_i64().unwrap() + 1;
        last["sequence"] = json!(sequence);
        change(&mut last, &envelopes);
        self.append_all(&[last]).await
    }

    /// Appends envelopes as they are, behind the back of all servers. Gives the first one's position.
    pub async fn append_all(&self, envelopes: &[Value]) -> i64 {
        let count = envelopes.len();
        let texts = |name: &str| -> Vec<String> {
            envelopes.iter().map(|event| event[name].as_str().unwrap().to_owned()).collect()
        };
        let numbers = |name: &str| -> Vec<i64> {
            envelopes.iter().map(|event| event[name].as_i64().unwrap()).collect()
        };
        let (types, ids) = (texts("aggregateType"), texts("aggregateId"));
        let begins: Vec<bool> = (0..count).map(|at| at == 0 || ids[at] != ids[at - 1]).collect();
        let versions = numbers("schemaVersion").into_iter().map(|it| i32::try_from(it).unwrap());
        let nothing = vec!["'{}'"; 32].join(", ");
        let (position,): (i64,) = sqlx::query_as(&format!(
            "select at_position from eventstore.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                 {nothing})"
        ))
        .bind(vec![1; count])
        .bind(vec![1_i64; count])
        .bind((0..i32::try_from(count).unwrap()).collect::<Vec<_>>())
        .bind(types)
        .bind(ids)
        .bind(numbers("sequence"))
        .bind(begins)
        .bind(texts("type"))
        .bind(versions.collect::<Vec<_>>())
        .bind(envelopes.iter().map(Value::to_string).collect::<Vec<_>>())
        .fetch_one(&self.database().await)
        .await
        .unwrap();
        position
    }

    /// Waits until a head covers all that is written.
    pub async fn until_signed(&self) {
        let database = self.database().await;
        until("the head is signed", || async {
            let (signed,): (bool,) = sqlx::query_as(
                "select coalesce(max(size), 0) = (select next_position from eventstore.log)
                 from eventstore.checkpoints",
            )
            .fetch_one(&database)
            .await
            .unwrap();
            signed.then_some(())
        })
        .await;
    }

    /// The newest event of this type, as it was written.
    pub async fn newest(&self, event_type: &str) -> Value {
        let log = self.log().await;
        let mut events = log.iter().map(|(_, text)| serde_json::from_str::<Value>(text).unwrap());
        events.rfind(|event| event["type"] == event_type).unwrap()
    }

    /// Every event of the log is one that its aggregate could have brought about.
    pub async fn log_is_lawful(&self) {
        let mut replay = Replay::default();
        for (position, envelope) in self.log().await {
            let read: Value = serde_json::from_str(&envelope).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let metadata = &read["metadata"];
            let is_person = metadata["actorType"] == "user";
            let deed = Deed {
                correlation: text(&metadata["correlationId"]),
                at: Moment::parse(metadata["occurredAt"].as_str().unwrap()).unwrap(),
                by: is_person.then(|| metadata["actor"].as_str().unwrap().parse().unwrap()),
            };
            let stored = SerializedEvent::new(
                text(&read["aggregateId"]),
                usize::try_from(read["sequence"].as_i64().unwrap()).unwrap(),
                text(&read["aggregateType"]),
                text(&read["type"]),
                read["schemaVersion"].to_string(),
                read["data"].clone(),
                Value::Null,
            );
            let verdict = replay.next(stored, deed);
            assert!(verdict.is_ok(), "at {position}: {verdict:?}: {envelope}");
        }
    }

    /// Waits until everything that is in the log now has been published, and checks that the stream
    /// is the log: every event once, in order, byte for byte; and that it is lawful.
    pub async fn stream_equals_log(&self) {
        self.log_is_lawful().await;
        let log = self.log().await;
        until("the stream holds the whole log", || async {
            let client = eventstore::stream::connect(&self.nats.url()).await.ok()?;
            let jetstream = eventstore::stream::jetstream(client);
            let stream = jetstream.get_stream(eventstore::stream::NAME).await.ok()?;
            let published = stream.get_info().await.ok()?.state.messages;
            (usize::try_from(published).unwrap() >= log.len()).then_some(())
        })
        .await;
        let stream = self.stream().await;
        let dense = |events: &[(i64, String)]| events.iter().zip(0..).all(|((at, _), n)| *at == n);
        assert!(dense(&log), "positions in the log have gaps");
        assert!(dense(&stream), "something was published twice or not at all");
        assert_eq!(&stream[..log.len()], &log);
    }
}

/// Waits for a condition; a story that waits in vain fails with what it waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whether a process is there and not just waiting to be buried. One whose first thread has ended lives
/// as long as another one waits for a disk: until then it holds its files and their locks.
pub fn is_alive(pid: u32) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let threads = std::fs::read_dir(process.join("task")).map_or(0, Iterator::count);
    let status = std::fs::read_to_string(process.join("stat"));
    let has_ended = |text: String| text.rsplit(')').next().unwrap_or("").trim().starts_with('Z');
    status.is_ok_and(|text| threads > 1 || !has_ended(text))
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
