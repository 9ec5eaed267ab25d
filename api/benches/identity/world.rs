//! The private services and the platform around what is measured: relay and read models.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use api::config::Config;
use api::role::Role;
use api::wiring::Platform;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::nft::address::EvmAddress;
use embedded::{DataFolder, Nats, Postgres, PostgresOptions, Progress};
use eventstore::{Entropy, database};
use sqlx::PgPool;
use tokio::time::sleep;

use crate::scale::PATIENCE;

/// The API process's; counted.
const LOGIN: &str = "caskchain_bench";
/// The login of the relay, the read models and the loading.
const OTHER_LOGIN: &str = "caskchain_bench_other";
const DATABASE_PASSWORD: &str = "bench";
/// Addresses that are in the configuration and never used: nothing is minted.
pub const NOBODY: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// The private services and what is started on them.
pub struct World {
    pub postgres: Postgres,
    pub nats: Nats,
    pub folder: tempfile::TempDir,
    pub key: String,
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = DataFolder::open(folder.path().join("services")).unwrap();
        let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
        let throw_away = PostgresOptions { throw_away: true };
        let (postgres, nats) = tokio::try_join!(
            Postgres::start_with(&services, &progress, throw_away),
            Nats::start(&services, &progress),
        )
        .unwrap();
        database::migrate(&postgres.url()).await.unwrap();
        for login in [LOGIN, OTHER_LOGIN] {
            database::ensure_login(&postgres.url(), login, DATABASE_PASSWORD).await.unwrap();
        }
        let key = STANDARD.encode(Entropy::default().bytes::<32>().unwrap());
        Self { postgres, nats, folder, key }
    }

    pub async fn stop(mut self) {
        self.nats.stop().await.unwrap();
        self.postgres.stop().await.unwrap();
    }

    /// Where the API process finds its database.
    pub fn database_url(&self) -> String {
        self.database_url_of(LOGIN)
    }

    fn database_url_of(&self, login: &str) -> String {
        let owner = self.postgres.url();
        let (_, place) = owner.rsplit_once('@').unwrap();
        format!("postgres://{login}:{DATABASE_PASSWORD}@{place}")
    }

    /// The platform without HTTP, in this process: relay and read models.
    pub async fn platform(&self) -> Platform {
        let mut config = Config::read(None).unwrap();
        config.database_url = Some(self.database_url_of(OTHER_LOGIN).into());
        config.nats_url = Some(self.nats.url().into());
        config.key_encryption_key = Some(self.key.clone().into());
        config.chain.contract = Some(EvmAddress::parse(NOBODY).unwrap());
        config.chain.custody = Some(EvmAddress::parse(NOBODY).unwrap());
        Platform::start(&config, &[Role::Sequencer, Role::Projections]).await.unwrap()
    }

    /// Waits until the read models and the stream have come to the end of the log, and the database
    /// knows its tables.
    pub async fn settle(&self, platform: &Platform) {
        let began = Instant::now();
        let head = platform.journal.head().await.unwrap();
        let positions = || platform.statuses.iter().map(|status| *status.position.borrow());
        until("the read models hold the population", async || {
            let published = *platform.published.borrow();
            (positions().chain([published]).min() >= Some(head)).then_some(())
        })
        .await;
        sqlx::raw_sql("vacuum analyze").execute(&self.owner().await).await.unwrap();
        eprintln!("{head} events are in the read models, {:.1?} later", began.elapsed());
    }

    pub async fn owner(&self) -> PgPool {
        PgPool::connect(&self.postgres.url()).await.unwrap()
    }

    /// Looks twice a second how many connections the API process has.
    pub fn count_connections(&self) -> Counting {
        let (url, stop) = (self.postgres.url(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let pool = PgPool::connect(&url).await.unwrap();
            let mut most = 0;
            while !stopped.load(Ordering::Relaxed) {
                let count = "select count(*) from pg_stat_activity where usename = $1";
                let now = sqlx::query_scalar(count).bind(LOGIN).fetch_one(&pool).await.unwrap();
                most = most.max(now);
                sleep(Duration::from_millis(500)).await;
            }
            most
        });
        Counting { stop, task }
    }
}

/// Connections of the API process's login.
pub struct Counting {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<i64>,
}

impl Counting {
    pub async fn most(self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
