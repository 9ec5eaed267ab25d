//! The servers of the tests, and processes of the platform that work on them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::TenantId;
use embedded::{DataFolder, Nats, Postgres, PostgresOptions, Progress};
use eventstore::appender::Appender;
use eventstore::database::{self, Role};
use eventstore::journal::Journal;
use eventstore::secrets::KeyEncryptionKey;
use eventstore::vault::Vault;
use eventstore::{Clock, Connections, Context, Entropy, Store, stream};
use sqlx::{Connection, PgConnection, PgPool};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub const TENANT: TenantId = TenantId::PLATFORM;
const LIMIT: Duration = Duration::from_secs(60);

/// A PostgreSQL in a folder that goes with it.
pub struct Server {
    pub postgres: Postgres,
    _folder: TempDir,
}

/// One server for all tests that do not kill it, for as long as one of them uses it.
static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

/// A database of one test, with the schema and with a login as production has it.
pub struct Database {
    /// Logs in as the schema's owner.
    pub owner_url: String,
    /// Logs in as a member of the three roles that may do nothing by itself.
    pub url: String,
    _server: Option<Arc<Server>>,
}

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let options = PostgresOptions { throw_away: true };
        let postgres = Postgres::start_with(&data, &progress(), options).await.unwrap();
        Self { postgres, _folder: folder }
    }

    /// For one caller at a time: roles belong to the whole server.
    pub async fn database(&self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("log{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        execute(&self.postgres.url(), &format!("create database {name}")).await;
        let owner_url = self.postgres.database_url(&name);
        database::migrate(&owner_url).await.unwrap();
        execute(&owner_url, LOGIN).await;
        let (_, address) = owner_url.split_once('@').unwrap();
        let url = format!("postgres://caskchain:login@{address}");
        Database { owner_url, url, _server: None }
    }
}

const LOGIN: &str = "
do $$
begin
    if not exists (select from pg_roles where rolname = 'caskchain') then
        create role caskchain login noinherit password 'login';
        grant caskchain_log, caskchain_projector, caskchain_reader to caskchain;
    end if;
end
$$";

/// A new database on the shared server.
pub async fn database() -> Database {
    let mut shared = SHARED.lock().await;
    let server = match shared.upgrade() {
        Some(server) => server,
        None => Arc::new(Server::start().await),
    };
    *shared = Arc::downgrade(&server);
    let database = server.database().await;
    Database { _server: Some(server), ..database }
}

impl Database {
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.owner_url).await.unwrap()
    }

    pub async fn execute(&self, statements: &str) {
        execute(&self.owner_url, statements).await;
    }
}

async fn execute(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
}

/// What one process of the platform holds of the log.
#[derive(Clone)]
pub struct Process {
    pub pool: PgPool,
    pub appender: Appender,
    pub store: Store,
    pub vault: Vault,
    pub journal: Journal,
    pub context: Context,
}

impl Process {
    pub fn start(url: &str) -> Self {
        let pool = database::pool(url, Role::Log, 12).unwrap();
        let kek = KeyEncryptionKey::parse(&STANDARD.encode([7; 32]).into()).unwrap();
        let (appender, _) = Appender::start(&pool, CancellationToken::new()).unwrap();
        let entropy = Entropy::default();
        let connections = Connections::new(pool.clone());
        let vault = Vault::new(connections.clone(), entropy.clone(), kek);
        let store =
            Store::new(connections, appender.clone(), vault.clone(), entropy, Clock::system());
        let journal = Journal::new(pool.clone());
        let context = Context::system(TENANT, "test", "correlation", "cause");
        Self { pool, appender, store, vault, journal, context }
    }
}

/// A nats-server in a folder that goes with it.
pub struct Messages {
    pub nats: Nats,
    pub jetstream: jetstream::Context,
    _folder: TempDir,
}

impl Messages {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let nats = Nats::start(&data, &progress()).await.unwrap();
        let client = stream::connect(&nats.url()).await.unwrap();
        Self { nats, jetstream: stream::jetstream(client), _folder: folder }
    }
}

fn progress() -> Progress {
    Arc::new(|line: &str| eprintln!("{line}"))
}

/// Waits for a condition; a test that waits in vain fails.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
