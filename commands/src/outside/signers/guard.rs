//! Stands before a key: what the policy refuses is logged and counted, and the key never hears of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::nft::address::EvmAddress;
use thiserror::Error;

use super::policy::{Policy, Rate, Refusal, Unsigned};
use super::{DigestSigner, Signature, SignerError};

/// What is signed of a transaction, by whoever knows its encoding.
pub type DigestOf = fn(&Unsigned) -> [u8; 32];

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SigningError {
    #[error("the transaction is not signed: {0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// The only way to a key. It makes the digest itself, so that what was judged is what is signed.
pub struct Guard {
    signer: Arc<dyn DigestSigner>,
    policy: Policy,
    digest_of: DigestOf,
    judged: Mutex<Judged>,
}

#[derive(Default)]
struct Judged {
    rate: Rate,
    refused: BTreeMap<&'static str, u64>,
}

impl Guard {
    pub fn new(signer: Arc<dyn DigestSigner>, policy: Policy, digest_of: DigestOf) -> Self {
        Self { signer, policy, digest_of, judged: Mutex::default() }
    }

    pub fn address(&self) -> EvmAddress {
        self.signer.address()
    }

    pub async fn sign(&self, asked: &Unsigned) -> Result<Signature, SigningError> {
        self.judge(asked)?;
        Ok(self.signer.sign((self.digest_of)(asked)).await?)
    }

    /// How often was refused, by the reason's name.
    pub fn refused(&self) -> BTreeMap<&'static str, u64> {
        self.judged().refused.clone()
    }

    fn judge(&self, asked: &Unsigned) -> Result<(), Refusal> {
        let mut judged = self.judged();
        let verdict = self.policy.judge(self.address(), asked);
        let verdict =
            verdict.and_then(|()| judged.rate.admit(self.policy.per_minute, Instant::now()));
        if let Err(refusal) = &verdict {
            *judged.refused.entry(refusal.name()).or_default() += 1;
            let (kind, nonce, chain_id) = (asked.kind, asked.nonce, asked.chain_id);
            let signer = self.address();
            tracing::warn!(%signer, ?kind, nonce, chain_id, %refusal, "a transaction is not signed");
        }
        verdict
    }

    fn judged(&self) -> MutexGuard<'_, Judged> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Guard")
            .field("address", &self.address())
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sha3::{Digest, Keccak256};

    use super::super::LocalKey;
    use super::super::policy::tests::{mint, policy};
    use super::super::signature::tests::{KEY, is_signed_by};
    use super::*;

    fn digest_of(asked: &Unsigned) -> [u8; 32] {
        Keccak256::digest(format!("{asked:?}")).into()
    }

    fn guard() -> Guard {
        let key = LocalKey::parse(&KEY.into()).unwrap();
        Guard::new(Arc::new(key), policy(), digest_of)
    }

    #[tokio::test]
    async fn what_was_judged_is_what_is_signed() {
        let guard = guard();
        let signature = guard.sign(&mint()).await.unwrap();
        assert!(is_signed_by(&signature, &digest_of(&mint()), guard.address()));
        assert!(guard.refused().is_empty());
    }

    #[tokio::test]
    async fn refusals_are_told_and_counted_and_use_nothing_up() {
        let guard = guard();
        for _ in 0..5 {
            let elsewhere = Unsigned { chain_id: 1, ..mint() };
            let refused = Err(SigningError::Refused(Refusal::OtherChain(1)));
            assert_eq!(guard.sign(&elsewhere).await, refused);
        }
        for _ in 0..3 {
            guard.sign(&mint()).await.unwrap();
        }
        let refused = guard.sign(&mint()).await.unwrap_err();
        assert!(matches!(refused, SigningError::Refused(Refusal::TooMany(_))), "{refused}");
        assert_eq!(guard.refused(), BTreeMap::from([("other_chain", 5), ("too_many", 1)]));
    }

    /// A guard's own key stands behind a trait that has no way to show it.
    #[test]
    fn nothing_of_the_key_is_shown() {
        let shown = format!("{:?}", guard()).to_lowercase();
        assert!(!shown.contains(&KEY[..8]) && shown.contains("0xf39f"), "{shown}");
    }
}
