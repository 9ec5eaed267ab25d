//! The ledger's signer and witnesses, as they are configured.

use std::path::PathBuf;

use commands::outside::witnesses::Witness;
use eventstore::ledger::extend::Signer;
use eventstore::ledger::keeper::Keeper;
use eventstore::ledger::key::{Kind, SigningKey};
use eventstore::secrets::Secrets;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::wiring::StartError;

/// The log as strangers check it.
#[derive(Clone, Debug, Deserialize)]
pub struct LedgerConfig {
    /// The log's name, for ever: a host's and a path, without a scheme. Its heads carry it, and no
    /// signer goes on under another.
    pub origin: String,
    /// 32 bytes in base64. Without it, a key the platform makes for itself and keeps wrapped.
    pub signing_key: Option<SecretString>,
    /// Signs as well, for those who know only this one yet.
    pub former_signing_key: Option<SecretString>,
    /// Where the signer keeps the last head it signed, which must be outside the database's backups;
    /// below the data folder if left out.
    pub head_file: Option<PathBuf>,
    /// Who is asked to sign every head as well.
    pub witnesses: Vec<WitnessConfig>,
}

/// A witness: C2SP tlog-witness.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// What `/add-checkpoint` follows upon.
    pub url: String,
    /// Its verifier key.
    pub key: String,
}

#[derive(Serialize)]
pub struct LedgerDefaults {
    pub origin: &'static str,
    pub witnesses: Vec<WitnessConfig>,
}

pub async fn signer(config: &Config, secrets: &Secrets) -> Result<Signer, StartError> {
    let ledger = &config.ledger;
    let key = |seed: &SecretString| {
        SigningKey::parse(&ledger.origin, Kind::Notes, seed.expose_secret()).map_err(of)
    };
    let own = match &ledger.signing_key {
        Some(seed) => key(seed)?,
        None => {
            let seed = secrets.random_key("ledger-signing").await.map_err(StartError::of)?;
            SigningKey::new(&ledger.origin, Kind::Notes, &seed).map_err(of)?
        }
    };
    let former = ledger.former_signing_key.as_ref().map(key).transpose()?;
    Ok(Signer { key: own, former, keeper: Keeper::new(head_file(config)) })
}

/// Where the signer keeps the last head it signed.
pub fn head_file(config: &Config) -> PathBuf {
    let file = config.ledger.head_file.clone();
    file.unwrap_or_else(|| config.data_folder.join("ledger/head"))
}

pub fn witnesses(config: &Config) -> Result<Vec<Witness>, StartError> {
    let witness = |asked: &WitnessConfig| {
        let key = asked.key.parse().map_err(of)?;
        Witness::new(&asked.url, key).map_err(of)
    };
    config.ledger.witnesses.iter().map(witness).collect()
}

fn of(error: impl std::fmt::Display) -> StartError {
    StartError::Other(format!("ledger: {error}"))
}
