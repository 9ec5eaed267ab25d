//! Who signs transactions: a key of ours, or one that never leaves the place where it was made. What
//! is signed is a digest; the guard in front of it looks at the transaction first.

mod aws_kms;
mod guard;
mod key;
mod keystore;
mod kms;
mod pkcs11;
pub mod policy;
mod signature;
#[cfg(test)]
mod softhsm;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use domain::nft::address::EvmAddress;
use secrecy::SecretString;
use thiserror::Error;

pub use aws_kms::{AwsKms, AwsKmsSettings};
pub use guard::{Guard, SigningError};
pub use key::LocalKey;
pub use kms::{KeyService, KmsSigner};
pub use pkcs11::{Hsm, HsmSettings};
pub use signature::Signature;

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SignerError {
    /// It may go well later, without anybody changing anything.
    #[error("the signer does not answer: {0}")]
    Unavailable(String),
    /// Somebody has to mend it.
    #[error("the signer cannot be used: {0}")]
    Unusable(String),
    #[error("what the signer gave is not a signature of its key")]
    Foreign,
}

/// Signs with one key. The same digest may be signed differently every time.
#[async_trait]
pub trait DigestSigner: Send + Sync {
    /// The account whose transactions it signs.
    fn address(&self) -> EvmAddress;

    /// Ends within a time of its own, whatever happens to the key.
    async fn sign(&self, digest: [u8; 32]) -> Result<Signature, SignerError>;
}

/// Where the key is.
#[derive(Clone, Debug)]
pub enum SignerSettings {
    /// 32 bytes in hex.
    Key(SecretString),
    Keystore {
        file: PathBuf,
        password: SecretString,
    },
    Hsm(HsmSettings),
    AwsKms(AwsKmsSettings),
}

/// Finds the key, so that what is wrong with it is known at the start.
pub async fn open(settings: SignerSettings) -> Result<Arc<dyn DigestSigner>, SignerError> {
    Ok(match settings {
        SignerSettings::Key(key) => Arc::new(LocalKey::parse(&key)?),
        SignerSettings::Keystore { file, password } => {
            Arc::new(keystore::open(&file, &password).await?)
        }
        SignerSettings::Hsm(settings) => Arc::new(Hsm::open(settings).await?),
        SignerSettings::AwsKms(settings) => {
            Arc::new(KmsSigner::open(AwsKms::new(settings)?).await?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::signature::tests::{ADDRESS, KEY, is_signed_by};
    use super::*;

    #[tokio::test]
    async fn the_key_that_is_configured_signs() {
        let signer = open(SignerSettings::Key(KEY.into())).await.unwrap();
        assert_eq!(signer.address().to_string(), ADDRESS);
        let signature = signer.sign([3; 32]).await.unwrap();
        assert!(is_signed_by(&signature, &[3; 32], signer.address()));
    }

    #[tokio::test]
    async fn what_is_wrong_is_known_at_the_start() {
        let file = PathBuf::from("/nowhere/key.json");
        let hsm = HsmSettings {
            library: "/nowhere/hsm.so".into(),
            token: "minting".to_owned(),
            key: "first".to_owned(),
            pin: KEY.into(),
        };
        for settings in [
            SignerSettings::Key(KEY[1..].into()),
            SignerSettings::Keystore { file, password: KEY.into() },
            SignerSettings::Hsm(hsm),
        ] {
            let shown = format!("{settings:?}");
            let error = open(settings).await.err().unwrap();
            assert!(matches!(&error, SignerError::Unusable(_)), "{error}");
            assert!(!format!("{shown}{error}").contains(&KEY[1..]), "{shown}{error}");
        }
    }
}
