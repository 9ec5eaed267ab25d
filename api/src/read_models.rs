//! All read models, in one list; and what can be done with each of them by hand.

use std::future::Future;
use std::pin::Pin;

use clap::{Subcommand, ValueEnum};
use eventstore::database::{self, Role};
use eventstore::journal::Journal;
use eventstore::secrets::KeyEncryptionKey;
use eventstore::vault::Vault;
use eventstore::{Connections, Entropy};
use projections::Projection;
use projections::alerts::Alerts;
use projections::attempts::Attempts;
use projections::audit_log::AuditLog;
use projections::contracts::Contracts;
use projections::devices::Devices;
use projections::differences::{Comparison, compare};
use projections::files::Files;
use projections::generation::GenerationError;
use projections::login_history::LoginHistory;
use projections::nfts::Nfts;
use projections::portfolio::Portfolios;
use projections::sessions::Sessions;
use projections::users::Users;
use projections::whiskey_history::WhiskeyHistory;
use projections::whiskeys::Whiskeys;
use serde_json::json;
use sqlx::PgPool;

use crate::config::Config;
use crate::wiring::{StartError, required};

/// Something to be done with every read model.
pub trait ForEach {
    fn with<P: Projection>(&mut self, projection: P);
}

/// Hands over all of them.
pub fn all(vault: &Vault, each: &mut impl ForEach) {
    each.with(Users { vault: vault.clone() });
    each.with(Sessions { vault: vault.clone() });
    each.with(Devices { vault: vault.clone() });
    each.with(LoginHistory { vault: vault.clone() });
    each.with(Alerts);
    each.with(Whiskeys);
    each.with(WhiskeyHistory);
    each.with(Portfolios);
    each.with(AuditLog);
    each.with(Nfts);
    each.with(Attempts);
    each.with(Contracts);
    each.with(Files { vault: vault.clone() });
}

#[derive(Subcommand)]
pub enum Command {
    /// Fold every read model anew beside the live one and compare them row by row. Ends with 1 if one
    /// is not what the log makes of it.
    #[command(after_help = "Example: caskchain projections diff")]
    Diff {
        /// Only this one.
        #[arg(long)]
        name: Option<String>,
        #[arg(long, default_value = "text")]
        output: Output,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

type Comparing = Pin<Box<dyn Future<Output = Result<Comparison, GenerationError>> + Send>>;

/// Comparisons to be made, one after the other.
struct Comparisons {
    pool: PgPool,
    only: Option<String>,
    waiting: Vec<Comparing>,
}

impl ForEach for Comparisons {
    fn with<P: Projection>(&mut self, projection: P) {
        if self.only.as_deref().is_some_and(|only| only != P::NAME) {
            return;
        }
        let (pool, journal) = (self.pool.clone(), Journal::new(self.pool.clone()));
        self.waiting.push(Box::pin(async move { compare(&projection, &pool, &journal).await }));
    }
}

/// Compares all, or one. What is not there is said.
pub async fn comparisons(
    config: &Config,
    only: Option<String>,
) -> Result<Vec<Comparison>, StartError> {
    let url = required(&config.database_url, "database_url")?;
    let kek = required(&config.key_encryption_key, "key_encryption_key")?.into();
    let kek = KeyEncryptionKey::parse(&kek).map_err(StartError::of)?;
    let log = database::pool(&url, Role::Log, 2)?;
    let vault = Vault::new(Connections::new(log), Entropy::default(), kek);
    let pool = database::pool(&url, Role::Projector, 3)?;
    let mut comparisons = Comparisons { pool, only, waiting: Vec::new() };
    all(&vault, &mut comparisons);
    if comparisons.waiting.is_empty() {
        return Err(StartError::Other("there is no read model of this name".to_owned()));
    }
    let mut made = Vec::new();
    for comparing in comparisons.waiting {
        let comparison = comparing.await.map_err(StartError::of)?;
        eprintln!("  {}: {} rows", comparison.read_model, comparison.rows);
        made.push(comparison);
    }
    Ok(made)
}

/// Whether all are what they should be.
pub async fn run(config: &Config, command: Command) -> Result<bool, StartError> {
    let Command::Diff { name, output } = command;
    let comparisons = comparisons(config, name).await?;
    let differences = || comparisons.iter().flat_map(|comparison| &comparison.differences);
    match output {
        Output::Json => println!("{:#}", json!(comparisons)),
        Output::Text => {
            for it in differences() {
                println!(
                    "{}.{}: {} rows too many, {} missing, as in {}",
                    it.read_model, it.table, it.surplus, it.missing, it.example
                );
            }
        }
    }
    Ok(differences().next().is_none())
}
