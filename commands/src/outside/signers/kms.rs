//! A key in a key management service, whichever it is.

use async_trait::async_trait;
use domain::nft::address::EvmAddress;
use k256::ecdsa::{Signature as Signed, VerifyingKey};
use k256::pkcs8::DecodePublicKey;

use super::signature::address_of;
use super::{DigestSigner, Signature, SignerError};

/// What such services have in common. Each call ends within a time of its own.
#[async_trait]
pub trait KeyService: Send + Sync {
    /// The public key as X.509 has it: DER of a SubjectPublicKeyInfo.
    async fn public_key(&self) -> Result<Vec<u8>, SignerError>;

    /// ECDSA over the digest as it is: DER of two integers.
    async fn sign_digest(&self, digest: [u8; 32]) -> Result<Vec<u8>, SignerError>;
}

/// One key of a service.
pub struct KmsSigner<S> {
    service: S,
    address: EvmAddress,
}

impl<S: KeyService> KmsSigner<S> {
    pub async fn open(service: S) -> Result<Self, SignerError> {
        let key = VerifyingKey::from_public_key_der(&service.public_key().await?);
        let key = key.map_err(|_| {
            SignerError::Unusable("its public key is not of the curve secp256k1".to_owned())
        })?;
        Ok(Self { service, address: address_of(&key) })
    }
}

#[async_trait]
impl<S: KeyService> DigestSigner for KmsSigner<S> {
    fn address(&self) -> EvmAddress {
        self.address
    }

    async fn sign(&self, digest: [u8; 32]) -> Result<Signature, SignerError> {
        let signed = self.service.sign_digest(digest).await?;
        let signed = Signed::from_der(&signed).map_err(|_| SignerError::Foreign)?;
        Signature::of(self.address, &digest, signed)
    }
}
