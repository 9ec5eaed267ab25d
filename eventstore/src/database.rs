//! Connections to PostgreSQL, each under the role that fits its work, and the migrations.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor};

/// What a pool's connections may do. The roles are made by the first migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Appends and reads the log, keeps the vault.
    Log,
    /// Owns the read models and reads the log.
    Projector,
    /// Reads the read models of one tenant at a time.
    Reader,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Log => "caskchain_log",
            Self::Projector => "caskchain_projector",
            Self::Reader => "caskchain_reader",
        }
    }
}

/// How long to wait for a connection before telling the caller that the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long after its last answer a connection is used without a question.
pub const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// A pool whose connections have taken on `role`. Connects when first used.
pub fn pool(url: &str, role: Role, max_connections: u32) -> Result<PgPool, sqlx::Error> {
    pool_with(url, role, max_connections, &[])
}

/// The same, with more settings for each connection.
pub fn pool_with(
    url: &str,
    role: Role,
    max_connections: u32,
    settings: &[(&str, &str)],
) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.application_name(role.name()).options([
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("lock_timeout", "8s"),
        // A host that vanished must not keep its locks until somebody's default, two hours.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        // Short statements only: compiling one takes longer than any of them runs.
        ("jit", "off"),
    ]);
    let options = options.options(settings.iter().copied());
    let set_role = format!("set role {}", role.name());
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection that answered just now need not be asked whether it lives.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let set_role = set_role.clone();
            Box::pin(async move { connection.execute(set_role.as_str()).await.map(|_| ()) })
        })
        .connect_lazy_with(options))
}

/// A pool of one connection that has the login's own rights, for short questions about the server.
pub async fn plain(url: &str) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    connected(options.options([("statement_timeout", "10s"), ("lock_timeout", "8s")])).await
}

async fn connected(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
}

/// Brings the event store's schema up to date. `url` must belong to the schema's owner.
pub async fn migrate(url: &str) -> Result<(), sqlx::migrate::MigrateError> {
    let pool = connected(PgConnectOptions::from_str(url)?).await?;
    let migrated = sqlx::migrate!("../eventstore-migrations").run(&pool).await;
    pool.close().await;
    migrated
}

/// Makes a login that may take on the roles and has no rights of its own: not even `reset role`
/// gives it any. `name` and `password` are ours, not a person's.
pub async fn ensure_login(owner_url: &str, name: &str, password: &str) -> Result<(), sqlx::Error> {
    let pool = connected(PgConnectOptions::from_str(owner_url)?).await?;
    let statements = format!(
        "do $$ begin
             create role {name} login noinherit;
         exception when duplicate_object or unique_violation then null;
         end $$;
         alter role {name} password '{password}';
         grant caskchain_log, caskchain_projector, caskchain_reader to {name};"
    );
    let made = pool.execute(statements.as_str()).await.map(|_| ());
    pool.close().await;
    made
}
