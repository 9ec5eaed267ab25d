//! Configuration, read once: defaults, then a TOML file, then the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use domain::nft::address::EvmAddress;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ledger::{LedgerConfig, LedgerDefaults};
use crate::signer::SignerConfig;

/// Everything that can be set. `CASKCHAIN_DATABASE_URL` is `database_url`,
/// `CASKCHAIN_CHAIN__RPC_URL` is `rpc_url` below `chain`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where people find the platform; the listening address by default.
    pub public_url: Option<String>,
    /// Data of embedded services, the outbox and generated keys.
    pub data_folder: PathBuf,
    pub database_url: Option<SecretString>,
    /// For migrations, where the application's login does not own the schema.
    pub database_owner_url: Option<SecretString>,
    /// For backups: a login with REPLICATION; the owner's, if left out.
    pub database_backup_url: Option<SecretString>,
    pub database_connections: u32,
    pub nats_url: Option<SecretString>,
    /// Copies JetStream keeps of the event stream: 3 in a cluster.
    pub nats_replicas: usize,
    /// 32 bytes in base64; wraps every key the platform makes.
    pub key_encryption_key: Option<SecretString>,
    /// Origins that may read answers in a browser.
    pub allowed_origins: Vec<String>,
    /// Where mails are put as files.
    pub outbox_folder: Option<PathBuf>,
    /// The network tokens are minted on if none is named.
    pub chain: ChainConfig,
    /// More networks, by name: `CASKCHAIN_NETWORKS__POLYGON__RPC_URL`.
    #[serde(default)]
    pub networks: BTreeMap<String, ChainConfig>,
    pub ledger: LedgerConfig,
    pub log: LogConfig,
    pub mail: MailConfig,
    pub sms: SmsConfig,
    pub storage: StorageConfig,
    pub ipfs: IpfsConfig,
    pub limits: LimitsConfig,
    pub internal: InternalConfig,
    pub passwords: PasswordsConfig,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Set by `caskchain dev` and by nothing else: shows the outbox, links and all, to everybody.
    #[serde(skip)]
    pub development: bool,
}

/// A network tokens are minted on. What is left out is as usual on the network of that name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChainConfig {
    /// Below `networks`, the key is the name.
    pub network: String,
    pub chain_id: Option<u64>,
    pub rpc_url: Option<String>,
    /// More nodes of the network. With two or more, a verdict needs two that agree.
    pub rpc_urls: Vec<String>,
    pub signer_key: Option<SecretString>,
    /// A key that is kept elsewhere: in an encrypted file, in hardware, in a service.
    pub signer: Option<SignerConfig>,
    /// More accounts that mint, each with a lane of its own.
    pub signer_keys: Vec<SecretString>,
    /// The account that keeps the ledger's heads at the contracts and does nothing else; those that mint
    /// do it, if left out.
    pub anchor_key: Option<SecretString>,
    /// The same, kept elsewhere.
    pub anchor_signer: Option<SignerConfig>,
    #[serde(deserialize_with = "address")]
    pub contract: Option<EvmAddress>,
    /// The one for tenants that want each approval proven. It has to require that itself.
    #[serde(deserialize_with = "address")]
    pub proven_contract: Option<EvmAddress>,
    /// Who holds tokens for people without a wallet.
    #[serde(deserialize_with = "address")]
    pub custody: Option<EvmAddress>,
    /// No transaction offers more than this per gas.
    pub max_fee_gwei: Option<u64>,
    /// Some networks take no smaller tip, or no smaller price.
    pub min_tip_gwei: Option<u64>,
    /// dynamic (EIP-1559) or legacy (one gas price).
    pub fees: Option<String>,
    pub block_time_ms: Option<u64>,
    /// What one key signs at most.
    pub signatures_per_minute: Option<u32>,
    /// How many transactions of one account may wait for a block.
    pub in_flight: Option<usize>,
    /// How many tokens are minted by one transaction, where so many wait: 1 to 100.
    pub mints_in_one: Option<usize>,
    /// Whether its keys make contracts; only on a development chain, if left out.
    pub may_deploy: Option<bool>,
    /// How often the contracts are given the ledger's head, in seconds; never, if left out.
    pub anchor_every_s: Option<NonZeroU64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LogConfig {
    /// As `RUST_LOG` has it.
    pub filter: String,
    /// json, pretty, or auto: pretty in a terminal.
    pub format: String,
}

/// The listener for services of the platform. It listens only if a token is set.
#[derive(Clone, Debug, Deserialize)]
pub struct InternalConfig {
    pub listen: SocketAddr,
    /// `X-Service-Token`. Two while one is being changed for the other.
    pub service_tokens: Vec<SecretString>,
}

#[derive(Serialize)]
struct InternalDefaults {
    listen: &'static str,
    service_tokens: Vec<String>,
}

/// What hashing a password costs: argon2id. Raised costs reach old hashes as their owners sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordsConfig {
    pub memory_kib: u32,
    pub iterations: u32,
    pub lanes: u32,
    /// How many are hashed at once, each in memory of its own; as many as there are cores if 0.
    pub threads: usize,
}

/// How mail is sent: by SMTP or by Mailjet. With neither it is put into the outbox folder.
#[derive(Clone, Debug, Deserialize)]
pub struct MailConfig {
    /// `smtps://user:password@host`, or `smtp://host:587?tls=required`.
    pub smtp_url: Option<SecretString>,
    pub mailjet_key: Option<SecretString>,
    pub mailjet_secret: Option<SecretString>,
    pub mailjet_url: String,
    /// As in `CaskChain <no-reply@casks.example>`.
    pub from: String,
}

#[derive(Serialize)]
struct MailDefaults {
    from: &'static str,
    mailjet_url: &'static str,
}

/// How short messages are sent: by a webhook or by Alibaba Cloud. With neither none are sent, but in
/// development, where the outbox has them.
#[derive(Clone, Debug, Deserialize)]
pub struct SmsConfig {
    pub webhook_url: Option<String>,
    /// Signs what the webhook is sent.
    pub webhook_secret: Option<SecretString>,
    pub aliyun_key_id: Option<String>,
    pub aliyun_key_secret: Option<SecretString>,
    pub aliyun_url: String,
    /// What the service has approved: who signs, and a template with the variable `text`.
    pub aliyun_sign_name: Option<String>,
    pub aliyun_template: Option<String>,
}

#[derive(Serialize)]
struct SmsDefaults {
    aliyun_url: &'static str,
}

/// Where files are kept: in a folder, or in a bucket that speaks S3.
#[derive(Clone, Debug, Deserialize)]
pub struct StorageConfig {
    /// Below the data folder by default.
    pub folder: Option<PathBuf>,
    pub bucket: Option<String>,
    pub region: String,
    /// Of a server that is not Amazon's.
    pub endpoint: Option<String>,
    /// Without these two, what the machine's own role may.
    pub access_key: Option<SecretString>,
    pub secret_key: Option<SecretString>,
    /// 32 bytes in base64. With it files are encrypted at rest; lost, they are, too.
    pub encryption_key: Option<SecretString>,
}

#[derive(Serialize)]
struct StorageDefaults {
    region: &'static str,
}

/// Where content is kept beside our own store, before a token points to it.
#[derive(Clone, Debug, Deserialize)]
pub struct IpfsConfig {
    /// The RPC of a kubo node, as in `http://127.0.0.1:5001`.
    pub kubo_url: Option<String>,
    /// Where the node has `API.Authorizations`.
    pub kubo_token: Option<SecretString>,
    /// A pinning service, without `/pins`.
    pub pinning_url: Option<String>,
    pub pinning_token: Option<SecretString>,
    /// Multiaddresses at which a pinning service finds what it is to keep.
    pub origins: Vec<String>,
}

#[derive(Serialize)]
struct IpfsDefaults {
    origins: Vec<String>,
}

/// How often one address may ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LimitsConfig {
    /// Sign-in, registration, letters and what answers them; over all processes.
    pub sensitive_per_minute: NonZeroU32,
    pub anonymous_per_minute: NonZeroU32,
    pub signed_in_per_minute: NonZeroU32,
    /// Wrong guesses within an hour, after which the address is blocked for an hour.
    pub failures_before_block: NonZeroU32,
}

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("configuration: {0}")]
    Unreadable(String),
    #[error("configuration: {0} is not set")]
    Missing(&'static str),
    #[error("configuration: {0} and {1} are both set, and only one can be used")]
    Both(&'static str, &'static str),
    #[error("configuration: the file {path} for {key} cannot be read: {reason}")]
    File { key: String, path: String, reason: String },
}

#[derive(Serialize)]
struct Defaults {
    listen: &'static str,
    data_folder: &'static str,
    database_connections: u32,
    nats_replicas: usize,
    allowed_origins: Vec<String>,
    chain: ChainDefaults,
    ledger: LedgerDefaults,
    log: LogDefaults,
    mail: MailDefaults,
    sms: SmsDefaults,
    storage: StorageDefaults,
    ipfs: IpfsDefaults,
    limits: LimitsConfig,
    internal: InternalDefaults,
    passwords: PasswordsConfig,
    trusted_proxies: Vec<IpNet>,
}

#[derive(Serialize)]
struct ChainDefaults {
    network: &'static str,
}

#[derive(Serialize)]
struct LogDefaults {
    filter: &'static str,
    format: &'static str,
}

const DEFAULTS: Defaults = Defaults {
    listen: "127.0.0.1:3000",
    data_folder: ".data",
    database_connections: 24,
    nats_replicas: 1,
    allowed_origins: Vec::new(),
    chain: ChainDefaults { network: "development" },
    ledger: LedgerDefaults { origin: "localhost/caskchain", witnesses: Vec::new() },
    log: LogDefaults { filter: "info,sqlx=warn,async_nats=warn", format: "auto" },
    mail: MailDefaults {
        from: "CaskChain <no-reply@localhost>",
        mailjet_url: "https://api.mailjet.com",
    },
    sms: SmsDefaults { aliyun_url: "https://dysmsapi.aliyuncs.com" },
    storage: StorageDefaults { region: "us-east-1" },
    ipfs: IpfsDefaults { origins: Vec::new() },
    limits: LimitsConfig {
        sensitive_per_minute: NonZeroU32::new(10).unwrap(),
        anonymous_per_minute: NonZeroU32::new(100).unwrap(),
        signed_in_per_minute: NonZeroU32::new(1_000).unwrap(),
        failures_before_block: NonZeroU32::new(10).unwrap(),
    },
    internal: InternalDefaults { listen: "127.0.0.1:3001", service_tokens: Vec::new() },
    passwords: PasswordsConfig { memory_kib: 19_456, iterations: 2, lanes: 1, threads: 0 },
    trusted_proxies: Vec::new(),
};

const PREFIX: &str = "CASKCHAIN_";
/// Any setting can be kept in a file that the variable with this ending names.
const FILE_ENDING: &str = "_FILE";
/// Settings that have this ending themselves; whatever is called just FILE is one, too.
const FILES: [&str; 1] = ["LEDGER__HEAD"];

impl Config {
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(DEFAULTS));
        if let Some(file) = file {
            if !file.exists() {
                return Err(ConfigError::Unreadable(format!("there is no {}", file.display())));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        for (key, value) in secret_files()? {
            figment = figment.merge((key, value));
        }
        figment
            .merge(Env::prefixed(PREFIX).split("__"))
            .extract()
            .map_err(|error| ConfigError::Unreadable(error.to_string()))
    }

    pub fn public_url(&self) -> String {
        let url = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        url.trim_end_matches('/').to_owned()
    }
}

/// `CASKCHAIN_DATABASE_URL_FILE=/run/secrets/url` sets `database_url` to what the file holds.
fn secret_files() -> Result<Vec<(String, String)>, ConfigError> {
    let mut settings = Vec::new();
    for (name, path) in std::env::vars() {
        let Some(key) = name.strip_prefix(PREFIX).and_then(|key| key.strip_suffix(FILE_ENDING))
        else {
            continue;
        };
        if FILES.contains(&key) || key.ends_with('_') {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::File {
            key: key.to_owned(),
            path: path.clone(),
            reason: error.to_string(),
        })?;
        settings.push((key.to_lowercase().replace("__", "."), text.trim().to_owned()));
    }
    Ok(settings)
}

fn address<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<EvmAddress>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.filter(|text| !text.is_empty())
        .map(|text| EvmAddress::parse(&text).map_err(serde::de::Error::custom))
        .transpose()
}
