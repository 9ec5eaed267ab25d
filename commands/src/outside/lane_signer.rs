//! What signs for a lane: a key with a guard before it, and the transactions the lane needs.

use async_trait::async_trait;
use domain::lane::Attempt;
use domain::nft::address::EvmAddress;

use super::chain::{ChainError, Fees, Signer, Spending};
use super::ethers;
use super::signers::{Guard, SignerError, SigningError};

pub struct LaneSigner {
    guard: Guard,
    chain_id: u64,
}

impl LaneSigner {
    /// The guard judges what is made here, by the same encoding.
    pub fn new(guard: Guard, chain_id: u64) -> Self {
        Self { guard, chain_id }
    }
}

#[async_trait]
impl Signer for LaneSigner {
    fn address(&self) -> EvmAddress {
        self.guard.address()
    }

    async fn sign(
        &self,
        nonce: u64,
        spending: &Spending,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let (unsigned, kind) =
            ethers::spend(self.guard.address(), self.chain_id, nonce, spending, fees);
        let signature = self.guard.sign(&unsigned).await?;
        Ok(ethers::attempt(&unsigned, signature, kind))
    }
}

impl From<SigningError> for ChainError {
    fn from(error: SigningError) -> Self {
        match error {
            // Too many in a minute end by themselves, as does a token that is pulled out.
            SigningError::Signer(SignerError::Unavailable(_)) | SigningError::Refused(_) => {
                Self::Unavailable(error.to_string())
            }
            SigningError::Signer(_) => Self::Nonsense(error.to_string()),
        }
    }
}
