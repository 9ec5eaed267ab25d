//! Puts the parts together: from configuration to a platform that can serve, and back in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use commands::outside::content_store::ContentStore;
use commands::outside::file_links::FileLinks;
use commands::outside::key_keeper::KeyKeeper;
use commands::outside::outbox::Outbox;
use commands::outside::tokens::ACCESS_TOKEN_LIFE;
use commands::reactions::files::FileWorker;
use commands::reactions::mail::Mailer;
use commands::reactions::mint::Minter;
use commands::reactions::notices::Notifier;
use commands::{Asked, Commands};
use eventstore::appender::Appender;
use eventstore::database::{self, Role as DatabaseRole};
use eventstore::ids::Ids;
use eventstore::journal::Journal;
use eventstore::ledger::export::Export;
use eventstore::ledger::extend::Extender;
use eventstore::ledger::read::Ledger;
use eventstore::limits::Limits;
use eventstore::relay::Relay;
use eventstore::secrets::{KeyEncryptionKey, Secrets};
use eventstore::vault::Vault;
use eventstore::{Clock, Connections, Entropy, IdempotencySecret, Store, forgetting, stream};
use projections::{Projection, Readers, Revocations, Runner, Searchers, Status};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::http::authentication::Believer;
use crate::http::limits::AddressLimits;
use crate::ledger;
use crate::metrics::Metrics;
use crate::networks::minting_networks;
use crate::pins::pins;
use crate::post::post;
use crate::read_models::{self, ForEach};
use crate::role::Role;
use crate::storage::objects;
use crate::texter::texter;
use crate::write_side::{Keys, commands_of};

#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the event store's schema cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error(transparent)]
    Embedded(#[from] embedded::EmbeddedError),
    #[error("{0}")]
    Other(String),
}

impl StartError {
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

/// A running platform.
pub struct Platform {
    pub commands: Commands,
    pub believer: Believer,
    pub limits: AddressLimits,
    pub readers: Readers,
    pub statuses: Vec<Status>,
    pub journal: Journal,
    pub ledger: Ledger,
    pub export: Export,
    /// Where bundles are put together.
    pub exports: PathBuf,
    pub published: watch::Receiver<i64>,
    pub nats: async_nats::Client,
    pub outbox: Option<Outbox>,
    pub file_links: Arc<FileLinks>,
    pub content: ContentStore,
    pub metrics: Metrics,
    pub idempotency: Arc<IdempotencySecret>,
    pub clock: Clock,
    pub entropy: Entropy,
    background: Background,
}

/// The tasks, in the order they stop.
struct Background {
    /// Relay, read models and reactions: they send commands and read the log.
    workers: (CancellationToken, Vec<JoinHandle<()>>),
    /// The appender and the worker number: needed by everything above.
    log: (CancellationToken, Vec<JoinHandle<()>>),
}

/// What the background may take to end; the process has ten seconds in all.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

pub fn required(setting: &Option<SecretString>, name: &'static str) -> Result<String, ConfigError> {
    setting.as_ref().map(|s| s.expose_secret().to_owned()).ok_or(ConfigError::Missing(name))
}

impl Platform {
    /// Starts everything that `roles` need. The schema has to be there.
    pub async fn start(config: &Config, roles: &[Role]) -> Result<Self, StartError> {
        let url = required(&config.database_url, "database_url")?;
        let share = (config.database_connections / 3).max(4);
        let log = database::pool(&url, DatabaseRole::Log, share)?;
        let projector = database::pool(&url, DatabaseRole::Projector, share)?;
        let reader = database::pool(&url, DatabaseRole::Reader, share)?;
        let (clock, entropy) = (Clock::system(), Entropy::default());

        let kek = required(&config.key_encryption_key, "key_encryption_key")?.into();
        let kek = KeyEncryptionKey::parse(&kek).map_err(StartError::of)?;
        let secrets = Secrets::new(log.clone(), entropy.clone(), kek.clone());
        let keeper = KeyKeeper { secrets: secrets.clone(), clock: clock.clone() };
        let keys = Keys::get(&secrets, &keeper).await?;

        let log_stop = CancellationToken::new();
        let ids = Ids::lease(&log, &clock).await.map_err(StartError::of)?;
        let keeping = ids.clone().keep(log.clone(), clock.clone(), log_stop.clone());
        let (appender, appending) =
            Appender::start(&log, log_stop.clone()).map_err(StartError::of)?;
        let forgetting = forgetting::run(log.clone(), log_stop.clone());
        let log_tasks = vec![appending, tokio::spawn(keeping), tokio::spawn(forgetting)];

        let connections = Connections::new(log.clone());
        let vault = Vault::new(connections.clone(), entropy.clone(), kek);
        let head = appender.head();
        let store = Store::new(
            connections.clone(),
            appender,
            vault.clone(),
            entropy.clone(),
            clock.clone(),
        );
        let limits = AddressLimits::new(Limits::new(connections), &keys.addresses, &config.limits);
        let file_links = Arc::new(FileLinks::new(&keys.file_links));
        let idempotency = Arc::new(IdempotencySecret::new(&keys.idempotency));
        let commands = commands_of(config, store, ids, entropy.clone(), keys, objects(config)?)?;

        let nats_url = required(&config.nats_url, "nats_url")?;
        let nats = stream::connect(&nats_url).await.map_err(StartError::of)?;
        let jetstream = stream::jetstream(nats.clone());
        // So that workers find it at once; with NATS away, the relay makes it later.
        if let Err(error) = stream::ensure(&jetstream, config.nats_replicas).await {
            tracing::warn!(%error, "the event stream is not there yet");
        }
        let stop = CancellationToken::new();
        let mut workers = Vec::new();
        let (publish, published) = watch::channel(-1);
        if roles.contains(&Role::Sequencer) {
            let relay = Relay {
                pool: log.clone(),
                jetstream: jetstream.clone(),
                replicas: config.nats_replicas,
                head: head.clone(),
                published: publish,
            };
            workers.push(tokio::spawn(relay.run(stop.clone())));
            let signer = Arc::new(ledger::signer(config, &secrets).await?);
            // Its head file may be another machine's, which knows nothing of the restore.
            let ended = commands.has_ledger_ended(signer.origin()).await;
            if ended.map_err(StartError::of)? {
                let origin = signer.origin();
                tracing::error!(
                    origin,
                    "ALARM the ledger stands still: its name ended in a restore"
                );
            } else {
                let key = signer.key.public().to_string();
                let announcing = commands.clone().announce_ledger_key(key, stop.clone());
                workers.push(tokio::spawn(announcing));
                let signed = watch::channel(0).0;
                let extender = Extender { pool: log.clone(), signer, head, signed };
                workers.push(tokio::spawn(extender.run(stop.clone())));
                for witness in ledger::witnesses(config)? {
                    let ledger = Ledger::new(log.clone());
                    workers.push(tokio::spawn(witness.run(ledger, stop.clone())));
                }
            }
        }
        let mut statuses = Vec::new();
        if roles.contains(&Role::Projections) {
            let mut run = Projecting {
                pool: projector,
                jetstream: jetstream.clone(),
                stop: stop.clone(),
                statuses: &mut statuses,
                tasks: &mut workers,
            };
            read_models::all(&vault, &mut run);
        }
        let (ledger, export) = (Ledger::new(log.clone()), Export::new(log.clone()));
        let journal = Journal::new(log);
        workers.push(tokio::spawn(keeper.run(Arc::clone(&commands.tokens), stop.clone())));
        let revocations = Revocations::new(journal.clone(), clock.clone(), ACCESS_TOKEN_LIFE);
        if roles.contains(&Role::Api) {
            let following = revocations.clone().run(jetstream.clone(), stop.clone());
            workers.push(tokio::spawn(following));
        }
        let believer =
            Believer { tokens: Arc::clone(&commands.tokens), revocations, clock: clock.clone() };
        let outbox = config.outbox_folder.clone().map(Outbox::new);
        let content = ContentStore::new(commands.objects.clone());
        if roles.contains(&Role::Notifications) {
            let post = post(&config.mail, outbox.clone())?;
            let notifier = Notifier {
                store: commands.store.clone(),
                post: Arc::clone(&post),
                texter: texter(&config.sms, outbox.clone(), clock.clone(), entropy.clone())?,
            };
            workers.push(tokio::spawn(notifier.run(jetstream.clone(), stop.clone())));
            let mailer = Mailer {
                store: commands.store.clone(),
                challenges: Arc::clone(&commands.challenges),
                sign_in_codes: Arc::clone(&commands.sign_in_codes),
                post,
                public_url: config.public_url(),
            };
            workers.push(tokio::spawn(mailer.run(jetstream.clone(), stop.clone())));
        }
        if roles.contains(&Role::Files) {
            let worker = FileWorker { commands: commands.clone() };
            workers.push(tokio::spawn(worker.run(jetstream.clone(), stop.clone())));
        }
        if roles.contains(&Role::Minting) {
            let networks = minting_networks(config).await?;
            let pins = pins(&config.ipfs)?;
            let minter =
                Minter::new(commands.clone(), networks, content.clone(), pins, ledger.clone());
            workers.push(tokio::spawn(minter.run(jetstream, stop.clone())));
        }
        Ok(Self {
            readers: Readers::new(reader, Searchers::new(&url, share)?, &statuses),
            commands,
            believer,
            limits,
            statuses,
            journal,
            ledger,
            export,
            exports: config.data_folder.join("exports"),
            published,
            nats,
            outbox,
            file_links,
            content,
            metrics: Metrics::default(),
            idempotency,
            clock,
            entropy,
            background: Background { workers: (stop, workers), log: (log_stop, log_tasks) },
        })
    }

    /// Stops what works on the log, then the log.
    pub async fn stop(self) {
        for (stop, tasks) in [self.background.workers, self.background.log] {
            stop.cancel();
            for task in tasks {
                if tokio::time::timeout(STOP_PATIENCE, task).await.is_err() {
                    tracing::warn!("a task did not end in time");
                }
            }
        }
    }
}

/// Starts read models, one after the other.
struct Projecting<'a> {
    pool: PgPool,
    jetstream: async_nats::jetstream::Context,
    stop: CancellationToken,
    statuses: &'a mut Vec<Status>,
    tasks: &'a mut Vec<JoinHandle<()>>,
}

impl ForEach for Projecting<'_> {
    fn with<P: Projection>(&mut self, projection: P) {
        let jetstream = Some(self.jetstream.clone());
        let (runner, status) = Runner::new(projection, self.pool.clone(), jetstream);
        self.statuses.push(status);
        self.tasks.push(tokio::spawn(runner.run(self.stop.clone())));
    }
}

/// The circumstances of what a starting process does by itself.
pub fn at_start() -> Asked {
    use domain::id::TenantId;
    Asked::by(eventstore::Context::system(TenantId::PLATFORM, "start", "start", "start"))
}
