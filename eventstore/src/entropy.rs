//! The only source of chance.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// Random bytes from the operating system's generator.
#[derive(Clone, Default)]
pub struct Entropy(SystemRandom);

#[derive(Debug, Error)]
#[error("the system's random number generator does not answer")]
pub struct EntropyError;

impl Entropy {
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| EntropyError)?;
        Ok(bytes)
    }

    /// N random bytes in base64url, for salts and tokens.
    pub fn text<const N: usize>(&self) -> Result<String, EntropyError> {
        self.bytes::<N>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    }
}
