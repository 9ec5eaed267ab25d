//! Everything embedded: what is not configured is started as a child process, set up and explained.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use commands::CommandError;
use commands::outside::contract::{Rights, development_contract};
use commands::outside::ethers::Account;
use commands::user::Registration;
use domain::id::TenantId;
use domain::language::Language;
use domain::nft::address::EvmAddress;
use domain::user::email::Email;
use domain::user::names::FullName;
use embedded::{Chain, DataFolder, Nats, Postgres, Progress};
use eventstore::database;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::kept::{kept_secret, write_private};
use crate::networks::{default_anchorer, default_minters, default_network};
use crate::role::Role;
use crate::serve::answer;
use crate::wiring::{Platform, StartError, at_start};

/// The login the application uses on its private database.
const LOGIN: &str = "caskchain_application";
/// anvil's first two accounts. Their keys are public knowledge and worth nothing anywhere else.
const DEVELOPMENT_MINTER: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const DEVELOPMENT_DEPLOYER: &str =
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
/// And its last two.
const DEVELOPMENT_ANCHORER: &str =
    "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97";
const DEVELOPMENT_PROVING_DEPLOYER: &str =
    "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6";

/// What the demonstration needs to know of a running development server; in the data folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Surroundings {
    pub url: String,
    pub rpc_url: String,
    pub administrator_email: String,
    pub administrator_password: String,
}

pub fn surroundings_file(data_folder: &Path) -> PathBuf {
    data_folder.join("development.json")
}

/// The children that had to be started.
#[derive(Default)]
struct Children {
    postgres: Option<Postgres>,
    nats: Option<Nats>,
    chain: Option<Chain>,
}

pub async fn run(mut config: Config) -> Result<(), StartError> {
    config.development = true;
    let folder = DataFolder::open(&config.data_folder)?;
    let mut children = Children::start(&config, &folder).await?;
    let outcome = run_with(&mut config, &children).await;
    children.stop().await;
    outcome
}

async fn run_with(config: &mut Config, children: &Children) -> Result<(), StartError> {
    complete(config, children).await?;
    let platform = Platform::start(config, Role::value_variants()).await?;
    let outcome = match introduce(config, &platform).await {
        Ok(surroundings) => {
            welcome(&surroundings, config);
            answer(config, Role::value_variants(), &platform).await
        }
        Err(error) => Err(error),
    };
    tracing::info!("stopping");
    platform.stop().await;
    outcome
}

impl Children {
    /// Starts what is not configured, at once.
    async fn start(config: &Config, folder: &DataFolder) -> Result<Self, StartError> {
        let progress: Progress = Arc::new(|step: &str| eprintln!("  {step}"));
        let postgres = async {
            match config.database_url {
                None => Postgres::start(folder, &progress).await.map(Some),
                Some(_) => Ok(None),
            }
        };
        let nats = async {
            match config.nats_url {
                None => Nats::start(folder, &progress).await.map(Some),
                Some(_) => Ok(None),
            }
        };
        let chain = async {
            match config.chain.rpc_url {
                None => Chain::start(folder, &progress).await.map(Some),
                Some(_) => Ok(None),
            }
        };
        let (postgres, nats, chain) = tokio::try_join!(postgres, nats, chain)?;
        Ok(Self { postgres, nats, chain })
    }

    async fn stop(&mut self) {
        let postgres = async {
            match &mut self.postgres {
                Some(child) => child.stop().await,
                None => Ok(()),
            }
        };
        let nats = async {
            match &mut self.nats {
                Some(child) => child.stop().await,
                None => Ok(()),
            }
        };
        let chain = async {
            match &mut self.chain {
                Some(child) => child.stop().await,
                None => Ok(()),
            }
        };
        let (postgres, nats, chain) = tokio::join!(postgres, nats, chain);
        for outcome in [postgres, nats, chain] {
            if let Err(error) = outcome {
                tracing::warn!(%error, "a child did not stop as asked");
            }
        }
    }
}

/// Fills in what was not configured, and brings the services to where they can be used.
async fn complete(config: &mut Config, children: &Children) -> Result<(), StartError> {
    let data_folder = config.data_folder.clone();
    if config.key_encryption_key.is_none() {
        let key = kept_secret(&data_folder, "key-encryption-key", |entropy| {
            entropy.bytes::<32>().map(|bytes| STANDARD.encode(bytes))
        })?;
        config.key_encryption_key = Some(key.into());
    }
    if config.outbox_folder.is_none() {
        config.outbox_folder = Some(data_folder.join("outbox"));
    }
    if let Some(postgres) = &children.postgres {
        database::migrate(&postgres.url()).await?;
        let password = kept_secret(&data_folder, "database-password", |e| e.text::<24>())?;
        database::ensure_login(&postgres.url(), LOGIN, &password).await?;
        config.database_url = Some(with_login(&postgres.url(), &password)?);
    } else {
        crate::serve::migrate(config).await?;
    }
    if let Some(nats) = &children.nats {
        config.nats_url = Some(nats.url().into());
    }
    if let Some(chain) = &children.chain {
        config.chain.rpc_url = Some(chain.url());
    }
    development_chain(config).await
}

/// On the development chain, keys and contract that nobody configured are made up.
async fn development_chain(config: &mut Config) -> Result<(), StartError> {
    if config.chain.chain_id.is_some_and(|id| id != embedded::CHAIN_ID) {
        return Ok(());
    }
    if config.chain.signer.is_none() {
        config.chain.signer_key.get_or_insert_with(|| DEVELOPMENT_MINTER.into());
    }
    let deployer = Account::new(&DEVELOPMENT_DEPLOYER.into(), embedded::CHAIN_ID);
    let deployer = deployer.map_err(StartError::of)?;
    config.chain.custody.get_or_insert(deployer.address());
    if config.chain.contract.is_none() {
        development_contracts(config, &deployer).await?;
    }
    Ok(())
}

/// One contract for everybody; and where heads are anchored one more, for tenants that want approvals
/// proven, and an account that does nothing but anchor.
async fn development_contracts(config: &mut Config, deployer: &Account) -> Result<(), StartError> {
    let anchors = config.chain.anchor_every_s.is_some();
    if anchors && config.chain.anchor_signer.is_none() {
        config.chain.anchor_key.get_or_insert_with(|| DEVELOPMENT_ANCHORER.into());
    }
    let network = default_network(config)?;
    let minters = default_minters(config).await?;
    let anchorers: Vec<EvmAddress> = default_anchorer(config).await?.into_iter().collect();
    let rights = Rights { minters: &minters, anchorers: &anchorers, wants_proof: false };
    let contract = development_contract(&network, deployer, rights).await;
    config.chain.contract = Some(contract.map_err(StartError::of)?);
    if anchors && config.chain.proven_contract.is_none() {
        let deployer = Account::new(&DEVELOPMENT_PROVING_DEPLOYER.into(), embedded::CHAIN_ID);
        let (deployer, rights) =
            (deployer.map_err(StartError::of)?, Rights { wants_proof: true, ..rights });
        let contract = development_contract(&network, &deployer, rights).await;
        config.chain.proven_contract = Some(contract.map_err(StartError::of)?);
    }
    Ok(())
}

/// Makes the demo tenant and its administrator, if they are not there yet.
async fn introduce(config: &Config, platform: &Platform) -> Result<Surroundings, StartError> {
    let asked = at_start();
    let tenant = platform.commands.create_tenant(&asked, TenantId::PLATFORM, "Demo").await;
    match tenant {
        Ok(_) | Err(CommandError::Refused { .. }) => {}
        Err(error) => return Err(StartError::of(error)),
    }
    // Written before the account is made: an account whose password nobody knows is of no use.
    let password = kept_secret(&config.data_folder, "administrator-password", |entropy| {
        entropy.text::<12>().map(|text| format!("{text}-aA1"))
    })?;
    let email = "admin@caskchain.example";
    let registration = Registration {
        email: Email::parse(email).map_err(StartError::of)?,
        password: SecretString::from(password.clone()),
        username: None,
        full_name: FullName::parse("Demo Keeper").ok(),
        phone: None,
        language: Language::default(),
    };
    platform.commands.create_administrator(&asked, &registration).await.map_err(StartError::of)?;
    let surroundings = Surroundings {
        url: format!("http://{}", config.listen),
        rpc_url: config.chain.rpc_url.clone().unwrap_or_default(),
        administrator_email: email.to_owned(),
        administrator_password: password,
    };
    let text = serde_json::to_string_pretty(&surroundings).map_err(StartError::of)?;
    write_private(&surroundings_file(&config.data_folder), &text)?;
    Ok(surroundings)
}

fn welcome(surroundings: &Surroundings, config: &Config) {
    let Surroundings { url, administrator_email, administrator_password, .. } = surroundings;
    eprintln!(
        "\n  CaskChain is at {url}\n\
         \n    the API, in a browser   {url}/docs\
         \n    mail that was not sent  {url}/dev/outbox\
         \n    is everything well?     {url}/ready\
         \n    administrator           {administrator_email}  {administrator_password}\
         \n    data                    {}\
         \n\n  Try: caskchain demo   (cargo run -- demo). Ctrl-C ends everything.\n",
        config.data_folder.display()
    );
}

/// The same database under the application's login.
fn with_login(owner_url: &str, password: &str) -> Result<SecretString, StartError> {
    let (_, place) = owner_url
        .rsplit_once('@')
        .ok_or_else(|| StartError::Other("the database's URL names no login".to_owned()))?;
    Ok(format!("postgres://{LOGIN}:{password}@{place}").into())
}
