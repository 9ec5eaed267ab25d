//! Keeps the signing keys: reads them, makes the next in time, and tells the tokens of this process.

use std::sync::Arc;
use std::time::Duration;

use domain::moment::Moment;
use eventstore::Clock;
use eventstore::secrets::Secrets;
use tokio_util::sync::CancellationToken;

use super::key_ring::{KeyRing, PUBLISHED_AHEAD, SigningKey, make_key};
use super::tokens::{TokenError, Tokens};

/// Names begin like this and end with the time, in milliseconds since 1970, the key begins to sign.
const NAME: &str = "signing-key/";
const LOOK_EVERY: Duration = Duration::from_secs(60);
const HOUR_MS: i64 = 3_600_000;

#[derive(Clone)]
pub struct KeyKeeper {
    pub secrets: Secrets,
    pub clock: Clock,
}

impl KeyKeeper {
    /// The keys as they are stored; the next one is made if it is due.
    pub async fn keys(&self) -> Result<KeyRing, TokenError> {
        let ring = self.stored().await?;
        match ring.due(self.clock.now()) {
            None => Ok(ring),
            Some(begins) => {
                self.make(begins).await?;
                self.stored().await
            }
        }
    }

    /// Makes the next key before its time: published now, it signs from tomorrow.
    pub async fn rotate(&self) -> Result<Moment, TokenError> {
        self.make(self.clock.now().plus(PUBLISHED_AHEAD)).await
    }

    /// Looks after the keys of this process until it is stopped.
    pub async fn run(self, tokens: Arc<Tokens>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.keys().await {
                Ok(keys) => tokens.use_keys(keys),
                Err(error) => tracing::warn!(%error, "the signing keys could not be read"),
            }
        }
    }

    /// Whole hours, so that processes that make the next key at once make the same one: the first
    /// to store it has made it.
    async fn make(&self, begins: Moment) -> Result<Moment, TokenError> {
        let hour = begins.unix_ms().div_euclid(HOUR_MS);
        let is_first = begins <= self.clock.now();
        let begins_ms = (hour + i64::from(!is_first)) * HOUR_MS;
        let made = tokio::task::spawn_blocking(make_key).await.map_err(unusable)?;
        self.secrets
            .get_or_make(&format!("{NAME}{begins_ms:013}"), || made)
            .await
            .map_err(unusable)?;
        tracing::info!(begins = %Moment::from_unix_ms(begins_ms), "a signing key was made");
        Ok(Moment::from_unix_ms(begins_ms))
    }

    async fn stored(&self) -> Result<KeyRing, TokenError> {
        let stored = self.secrets.beginning_with(NAME).await.map_err(unusable)?;
        let key = |(name, pkcs8): (String, Vec<u8>)| {
            let begins_ms = name.trim_start_matches(NAME).parse().map_err(unusable)?;
            SigningKey::new(Moment::from_unix_ms(begins_ms), &pkcs8)
        };
        Ok(KeyRing::new(stored.into_iter().map(key).collect::<Result<_, _>>()?))
    }
}

fn unusable(error: impl std::fmt::Display) -> TokenError {
    TokenError::Key(error.to_string())
}
