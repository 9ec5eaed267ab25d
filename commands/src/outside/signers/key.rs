//! A key in this process's memory.

use async_trait::async_trait;
use domain::nft::address::EvmAddress;
use k256::ecdsa::SigningKey;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::signature::address_of;
use super::{DigestSigner, Signature, SignerError};

/// Overwritten when it is dropped.
pub struct LocalKey {
    key: SigningKey,
    address: EvmAddress,
}

impl LocalKey {
    /// Reads 32 bytes in hex.
    pub fn parse(text: &SecretString) -> Result<Self, SignerError> {
        let text = text.expose_secret();
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut *bytes)
            .map_err(|_| unusable("the key is not 32 bytes in hex"))?;
        Self::of(&*bytes)
    }

    pub(super) fn of(bytes: &[u8]) -> Result<Self, SignerError> {
        let key = SigningKey::from_slice(bytes)
            .map_err(|_| unusable("the key is not a number of the curve secp256k1"))?;
        let address = address_of(key.verifying_key());
        Ok(Self { key, address })
    }
}

fn unusable(why: &str) -> SignerError {
    SignerError::Unusable(why.to_owned())
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalKey").field("address", &self.address).finish_non_exhaustive()
    }
}

#[async_trait]
impl DigestSigner for LocalKey {
    fn address(&self) -> EvmAddress {
        self.address
    }

    /// Microseconds of arithmetic, and the same signature every time.
    async fn sign(&self, digest: [u8; 32]) -> Result<Signature, SignerError> {
        let signed = self.key.sign_prehash_recoverable(&digest);
        let (signed, _) = signed.map_err(|error| SignerError::Unusable(error.to_string()))?;
        Signature::of(self.address, &digest, signed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::signature::tests::{ADDRESS, KEY, is_signed_by};
    use super::*;

    #[tokio::test]
    async fn it_signs_as_ethers_does() {
        use ethers_signers::Signer;

        let key = LocalKey::parse(&format!("0x{KEY}").into()).unwrap();
        assert_eq!(key.address().to_string(), ADDRESS);
        let wallet: ethers_signers::LocalWallet = KEY.parse().unwrap();
        assert_eq!(wallet.address().0, key.address().bytes());
        for byte in 0..=255 {
            let digest = [byte; 32];
            let signature = key.sign(digest).await.unwrap();
            assert!(is_signed_by(&signature, &digest, key.address()));
            let theirs = wallet.sign_hash(digest.into()).unwrap();
            assert_eq!(theirs.v, 27 + u64::from(signature.odd_y));
            assert_eq!(theirs.r, ethers_core::types::U256::from_big_endian(&signature.r));
            assert_eq!(theirs.s, ethers_core::types::U256::from_big_endian(&signature.s));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let beyond = SignerError::Unusable("the key is not a number of the curve secp256k1".into());
        let malformed = SignerError::Unusable("the key is not 32 bytes in hex".into());
        for (text, error) in [
            ("", &malformed),
            ("0xsecret", &malformed),
            (&KEY[2..], &malformed),
            (&"00".repeat(32), &beyond),
            (order, &beyond),
        ] {
            assert_eq!(LocalKey::parse(&text.into()).unwrap_err(), *error, "{text}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let key = LocalKey::parse(&KEY.into()).unwrap();
        assert_eq!(format!("{key:?}"), format!("LocalKey {{ address: {ADDRESS}, .. }}"));
    }
}
