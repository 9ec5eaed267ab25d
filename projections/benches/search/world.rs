//! The private services, somebody who owns casks, and the way of the casks into the read models.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::config::Config;
use api::import::{Request, import};
use api::role::Role;
use api::wiring::Platform;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use commands::Asked;
use commands::claims::{EMAIL, Identifier};
use commands::user::Registration;
use domain::id::{TenantId, UserId, WhiskeyId};
use domain::language::Language;
use domain::nft::address::EvmAddress;
use domain::user::email::Email;
use embedded::{DataFolder, Nats, Postgres, PostgresOptions, Progress};
use eventstore::database::{self, Role as DatabaseRole};
use eventstore::{Context, Entropy};
use projections::{Readers, Searchers};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::time::sleep;

const LOGIN: &str = "caskchain_bench";
const PASSWORD: &str = "bench";
pub const OWNER: &str = "owner@casks.example";
pub const OWNERS_PASSWORD: &str = "Peat&Smoke1994";
/// In the configuration and never used: nothing is minted.
const NOBODY: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// A third of what a process has by default.
const CONNECTIONS: u32 = 8;
const SHARED_BUFFERS: &str = "4GB";
const PATIENCE: Duration = Duration::from_secs(3_600);

pub struct World {
    postgres: Postgres,
    nats: Nats,
    folder: Folder,
    key: String,
}

/// Where the services keep their data: gone afterwards, or loaded once and measured many times.
enum Folder {
    ThrownAway(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn choose() -> Self {
        match std::env::var_os("CASKCHAIN_BENCH_FOLDER") {
            Some(path) => Self::Kept(path.into()),
            None => Self::ThrownAway(tempfile::tempdir().unwrap()),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::ThrownAway(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub struct Imported {
    pub per_s: f64,
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
pub struct Folded {
    pub per_s: f64,
    pub seconds: f64,
    pub mib: i64,
}

impl World {
    pub async fn start() -> Self {
        let folder = Folder::choose();
        let services = DataFolder::open(folder.path().join("services")).unwrap();
        let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
        let options = PostgresOptions { throw_away: matches!(folder, Folder::ThrownAway(_)) };
        let (mut postgres, nats) = tokio::try_join!(
            Postgres::start_with(&services, &progress, options),
            Nats::start(&services, &progress),
        )
        .unwrap();
        give_memory(&mut postgres).await;
        database::migrate(&postgres.url()).await.unwrap();
        database::ensure_login(&postgres.url(), LOGIN, PASSWORD).await.unwrap();
        let key = key(&folder.path().join("key"));
        Self { postgres, nats, folder, key }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn stop(mut self) {
        self.nats.stop().await.unwrap();
        self.postgres.stop().await.unwrap();
    }

    fn url(&self) -> String {
        let owner = self.postgres.url();
        let (_, place) = owner.rsplit_once('@').unwrap();
        format!("postgres://{LOGIN}:{PASSWORD}@{place}")
    }

    /// For a process of its own.
    pub fn settings(&self, listen: &str) -> Vec<(String, String)> {
        let data_folder = self.path("server");
        let settings = [
            ("LISTEN", listen.to_owned()),
            ("DATA_FOLDER", data_folder.to_string_lossy().into_owned()),
            ("DATABASE_URL", self.url()),
            ("NATS_URL", self.nats.url()),
            ("KEY_ENCRYPTION_KEY", self.key.clone()),
            ("CHAIN__CONTRACT", NOBODY.to_owned()),
            ("CHAIN__CUSTODY", NOBODY.to_owned()),
        ];
        settings.map(|(name, value)| (format!("CASKCHAIN_{name}"), value)).to_vec()
    }

    async fn platform(&self, roles: &[Role]) -> Platform {
        let mut config = Config::read(None).unwrap();
        config.database_url = Some(self.url().into());
        config.nats_url = Some(self.nats.url().into());
        config.key_encryption_key = Some(self.key.clone().into());
        config.chain.contract = Some(EvmAddress::parse(NOBODY).unwrap());
        config.chain.custody = Some(EvmAddress::parse(NOBODY).unwrap());
        Platform::start(&config, roles).await.unwrap()
    }

    /// The platform's tenant, and somebody in it.
    pub async fn owner(&self) -> UserId {
        let platform = self.platform(&[]).await;
        let (tenant, commands) = (TenantId::PLATFORM, &platform.commands);
        let asked = Asked::by(Context::system(tenant, "bench", "bench", "bench"));
        commands.create_tenant(&asked, tenant, "Islay Casks").await.unwrap();
        let email = Email::parse(OWNER).unwrap();
        let registration = Registration {
            email: email.clone(),
            password: OWNERS_PASSWORD.to_owned().into(),
            username: None,
            full_name: None,
            phone: None,
            language: Language::default(),
        };
        commands.create_administrator(&asked, &registration).await.unwrap();
        let digest = commands.claim_digests.digest(tenant, &Identifier::Email(email));
        let holder = commands.store.holder_of(tenant, EMAIL, &digest).await.unwrap();
        platform.stop().await;
        holder.unwrap().parse().unwrap()
    }

    /// As `caskchain import` does it, in a process with no other roles.
    pub async fn import(&self, file: &Path, owner: UserId) -> Imported {
        let platform = self.platform(&[]).await;
        let request = Request { file, tenant: TenantId::PLATFORM, owner, errors: None };
        let tell = |line: &str| eprintln!("{line}");
        let (summary, stopped) = import(&platform.commands, &request, tell).await.unwrap();
        assert!(summary.complete && summary.refused == 0, "{stopped:?} {}", summary.text());
        eprintln!("{}", summary.text());
        platform.stop().await;
        Imported { per_s: summary.casks_per_second, seconds: summary.seconds }
    }

    /// As a process with the role `projections` does it.
    pub async fn fold(&self, casks: u64) -> Folded {
        let (platform, began) = (self.platform(&[Role::Projections]).await, Instant::now());
        let head = platform.journal.head().await.unwrap();
        let positions = || platform.statuses.iter().map(|status| *status.position.borrow());
        let mut told = Instant::now();
        while positions().min() < Some(head) {
            assert!(began.elapsed() < PATIENCE, "the read models do not come to an end");
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                eprintln!("{:?} of {head} events are folded", positions().collect::<Vec<_>>());
            }
            sleep(Duration::from_millis(50)).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        platform.stop().await;
        let size = "select pg_total_relation_size('read_whiskeys.whiskeys') / 1048576";
        let mib = sqlx::query_scalar(size).fetch_one(&self.database().await).await.unwrap();
        let per_s = f64::from(u32::try_from(casks).unwrap()) / seconds;
        Folded { per_s, seconds, mib }
    }

    /// What autovacuum does in a while.
    pub async fn settle(&self) {
        let began = Instant::now();
        sqlx::raw_sql("vacuum analyze").execute(&self.database().await).await.unwrap();
        eprintln!("vacuumed and analysed, {:.1?}", began.elapsed());
    }

    /// What is read all day is in memory.
    pub async fn warm_up(&self) {
        let tables = "create extension if not exists pg_prewarm;
            select pg_prewarm(oid) from pg_class where relkind in ('r', 'i')
               and relnamespace in ('read_whiskeys'::regnamespace)";
        sqlx::raw_sql(tables).execute(&self.database().await).await.unwrap();
    }

    pub fn readers(&self) -> Readers {
        let url = self.url();
        let pool = database::pool(&url, DatabaseRole::Reader, CONNECTIONS).unwrap();
        Readers::new(pool, Searchers::new(&url, CONNECTIONS).unwrap(), &[])
    }

    /// Casks from all over the catalogue.
    pub async fn some_casks(&self, count: i64) -> Vec<WhiskeyId> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "select whiskey_id from (
                 select whiskey_id, row_number() over (order by whiskey_id) as number,
                     count(*) over () as all_casks from read_whiskeys.whiskeys
             ) numbered where number % greatest(all_casks / $1, 1) = 0",
        )
        .bind(count)
        .fetch_all(&self.database().await)
        .await
        .unwrap();
        ids.into_iter().map(WhiskeyId::new).collect()
    }

    async fn database(&self) -> PgPool {
        PgPool::connect(&self.postgres.url()).await.unwrap()
    }
}

/// One and the same for the same data.
fn key(path: &Path) -> String {
    if let Ok(key) = std::fs::read_to_string(path) {
        return key;
    }
    let key = STANDARD.encode(Entropy::default().bytes::<32>().unwrap());
    std::fs::write(path, &key).unwrap();
    key
}

/// A fifth of the machine's, more or less, as its manual advises and an installation would.
async fn give_memory(postgres: &mut Postgres) {
    let database = PgPool::connect(&postgres.url()).await.unwrap();
    let setting = format!("alter system set shared_buffers = '{SHARED_BUFFERS}'");
    sqlx::raw_sql(&setting).execute(&database).await.unwrap();
    database.close().await;
    postgres.stop().await.unwrap();
    postgres.start_again().await.unwrap();
}
