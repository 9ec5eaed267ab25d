//! The write side, put together: the platform's own keys, and everything commands need.

use std::sync::Arc;

use commands::Commands;
use commands::claims::ClaimDigests;
use commands::nft::ownership::Site;
use commands::outside::challenges::Challenges;
use commands::outside::device_tokens::DeviceTokens;
use commands::outside::key_keeper::KeyKeeper;
use commands::outside::key_ring::KeyRing;
use commands::outside::objects::Objects;
use commands::outside::passwords::{Costs, Passwords};
use commands::outside::refresh_tokens::RefreshTokens;
use commands::outside::sign_in_codes::SignInCodes;
use commands::outside::tokens::Tokens;
use eventstore::ids::Ids;
use eventstore::secrets::Secrets;
use eventstore::{Entropy, Store};

use tokio::sync::Semaphore;

use crate::config::{Config, PasswordsConfig};
use crate::networks::{chains, mint_policies};
use crate::wiring::StartError;

/// Each holds a few MiB, up to 15 with S3.
const UPLOADS_AT_ONCE: usize = 16;

/// The keys the platform made for itself.
pub(crate) struct Keys {
    pepper: [u8; 32],
    claims: [u8; 32],
    challenges: [u8; 32],
    pub idempotency: [u8; 32],
    refresh: [u8; 32],
    devices: [u8; 32],
    codes: [u8; 32],
    pub addresses: [u8; 32],
    pub file_links: [u8; 32],
    signing: KeyRing,
}

impl Keys {
    pub async fn get(secrets: &Secrets, keeper: &KeyKeeper) -> Result<Self, StartError> {
        Ok(Self {
            pepper: secrets.random_key("password-pepper").await.map_err(StartError::of)?,
            claims: secrets.random_key("claim-digests").await.map_err(StartError::of)?,
            challenges: secrets.random_key("challenges").await.map_err(StartError::of)?,
            idempotency: secrets.random_key("idempotency").await.map_err(StartError::of)?,
            addresses: secrets.random_key("address-digests").await.map_err(StartError::of)?,
            file_links: secrets.random_key("file-links").await.map_err(StartError::of)?,
            refresh: secrets.random_key("refresh-tokens").await.map_err(StartError::of)?,
            devices: secrets.random_key("device-tokens").await.map_err(StartError::of)?,
            codes: secrets.random_key("sign-in-codes").await.map_err(StartError::of)?,
            signing: keeper.keys().await.map_err(StartError::of)?,
        })
    }
}

fn site(config: &Config) -> Result<Site, StartError> {
    let url = config.public_url();
    Site::of(&url).ok_or_else(|| StartError::of(format!("the public URL {url} has no domain")))
}

/// What executes commands.
pub(crate) fn commands_of(
    config: &Config,
    store: Store,
    ids: Ids,
    entropy: Entropy,
    keys: Keys,
    objects: Objects,
) -> Result<Commands, StartError> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let PasswordsConfig { memory_kib, iterations, lanes, threads } = config.passwords;
    let threads = if threads == 0 { cores } else { threads };
    let costs = Costs { memory_kib, iterations, lanes };
    Ok(Commands {
        store,
        ids,
        passwords: Passwords::new(keys.pepper, entropy.clone(), costs, threads)
            .map_err(StartError::of)?,
        entropy,
        tokens: Arc::new(Tokens::new(&config.public_url(), keys.signing)),
        refresh_tokens: Arc::new(RefreshTokens::new(&keys.refresh)),
        device_tokens: Arc::new(DeviceTokens::new(&keys.devices)),
        sign_in_codes: Arc::new(SignInCodes::new(&keys.codes)),
        challenges: Arc::new(Challenges::new(&keys.challenges)),
        claim_digests: Arc::new(ClaimDigests::new(&keys.claims)),
        mint_policies: Arc::new(mint_policies(config)?),
        chains: Arc::new(chains(config)?),
        site: Arc::new(site(config)?),
        objects,
        uploads: Arc::new(Semaphore::new(UPLOADS_AT_ONCE)),
    })
}
