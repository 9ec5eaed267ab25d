//! Secrets the platform makes for itself, kept wrapped under a key-encryption key that comes from
//! outside the database.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use thiserror::Error;

use crate::entropy::{Entropy, EntropyError};

/// The key under which all others are wrapped.
#[derive(Clone)]
pub struct KeyEncryptionKey(Arc<LessSafeKey>);

#[derive(Debug, Error)]
pub enum SecretsError {
    #[error("the key-encryption key must be 32 bytes in base64")]
    MalformedKey,
    #[error("a key cannot be wrapped or unwrapped: is this the right key-encryption key?")]
    WrongKey,
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("the secret {0} could not be made")]
    Unmakeable(String),
}

impl KeyEncryptionKey {
    /// Reads 32 bytes in base64.
    pub fn parse(text: &SecretString) -> Result<Self, SecretsError> {
        let bytes =
            STANDARD.decode(text.expose_secret().trim()).map_err(|_| SecretsError::MalformedKey)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SecretsError::MalformedKey)?;
        Ok(Self(Arc::new(LessSafeKey::new(key))))
    }

    /// Wraps a key: nonce, ciphertext, tag. The label is bound to it.
    pub(crate) fn wrap(
        &self,
        entropy: &Entropy,
        label: &str,
        key: &[u8],
    ) -> Result<Vec<u8>, SecretsError> {
        let nonce: [u8; NONCE_LEN] = entropy.bytes()?;
        let mut sealed = key.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(label),
                &mut sealed,
            )
            .map_err(|_| SecretsError::WrongKey)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn unwrap(&self, label: &str, wrapped: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let (nonce, sealed) =
            wrapped.split_first_chunk::<NONCE_LEN>().ok_or(SecretsError::WrongKey)?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(label), &mut sealed)
            .map_err(|_| SecretsError::WrongKey)?;
        Ok(plain.to_vec())
    }
}

/// What a wrapped secret is bound to.
fn label(name: &str) -> String {
    format!("caskchain/secret/v1/{name}")
}

/// The secrets table.
#[derive(Clone)]
pub struct Secrets {
    pool: PgPool,
    entropy: Entropy,
    kek: KeyEncryptionKey,
}

impl Secrets {
    pub fn new(pool: PgPool, entropy: Entropy, kek: KeyEncryptionKey) -> Self {
        Self { pool, entropy, kek }
    }

    /// 32 random bytes under this name, made by whichever process asks first.
    pub async fn random_key(&self, name: &'static str) -> Result<[u8; 32], SecretsError> {
        let fresh: [u8; 32] = self.entropy.bytes()?;
        let key = self.get_or_make(name, || Some(fresh.to_vec())).await?;
        key.try_into().map_err(|_| SecretsError::Unmakeable(name.to_owned()))
    }

    /// The secret under this name; `make` is asked only if there is none.
    pub async fn get_or_make(
        &self,
        name: &str,
        make: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, SecretsError> {
        if let Some(wrapped) = self.stored(name).await? {
            return self.kek.unwrap(&label(name), &wrapped);
        }
        let unmakeable = || SecretsError::Unmakeable(name.to_owned());
        let made = make().ok_or_else(unmakeable)?;
        let wrapped = self.kek.wrap(&self.entropy, &label(name), &made)?;
        sqlx::query(
            "insert into eventstore.secrets (name, wrapped) values ($1, $2) on conflict do nothing",
        )
        .bind(name)
        .bind(wrapped)
        .execute(&self.pool)
        .await?;
        // Another process may have been faster: what is stored is what counts.
        let wrapped = self.stored(name).await?.ok_or_else(unmakeable)?;
        self.kek.unwrap(&label(name), &wrapped)
    }

    /// Every secret whose name begins like this, by name. The name is bound to the secret.
    pub async fn beginning_with(
        &self,
        beginning: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, SecretsError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "select name, wrapped from eventstore.secrets where starts_with(name, $1) order by name",
        )
        .bind(beginning)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(name, wrapped)| {
                let plain = self.kek.unwrap(&label(&name), &wrapped)?;
                Ok((name, plain))
            })
            .collect()
    }

    async fn stored(&self, name: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("select wrapped from eventstore.secrets where name = $1")
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(wrapped,)| wrapped))
    }
}
