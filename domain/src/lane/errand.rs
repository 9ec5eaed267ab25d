//! What a nonce is spent on: one transaction, whatever it does.

use serde::{Deserialize, Serialize};

use super::{AttemptKind, LaneError};
use crate::id::{DeploymentId, WhiskeyId};

/// More the contract does not mint in one transaction.
pub const MAX_MINTS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Errand {
    /// Tokens of one contract, minted together. Each is judged by itself.
    Mints { mints: Vec<WhiskeyId> },
    /// One token, minted against the proof that its cask's approval is in an anchored head of the ledger,
    /// the one of this size.
    ApprovedMint { mint: WhiskeyId, size: u64 },
    /// Making a contract.
    Deployment { deployment: DeploymentId },
    /// Keeping the ledger's head of this size at a contract, which is named as its stream is.
    Anchor { contract: String, size: u64 },
}

impl Errand {
    /// The mints among it.
    pub fn mints(&self) -> &[WhiskeyId] {
        match self {
            Self::Mints { mints } => mints,
            Self::ApprovedMint { mint, .. } => std::slice::from_ref(mint),
            Self::Deployment { .. } | Self::Anchor { .. } => &[],
        }
    }

    /// What its transaction is called.
    pub const fn attempt(&self) -> AttemptKind {
        match self {
            Self::Mints { .. } | Self::ApprovedMint { .. } => AttemptKind::Mint,
            Self::Deployment { .. } => AttemptKind::Deployment,
            Self::Anchor { .. } => AttemptKind::Anchor,
        }
    }

    /// Whether both would do the same, at least in part.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match self.mints() {
            [] => self == other,
            mints => mints.iter().any(|mint| other.mints().contains(mint)),
        }
    }

    pub(super) fn must_be_whole(&self) -> Result<(), LaneError> {
        let Self::Mints { mints } = self else { return Ok(()) };
        let twice = mints.iter().enumerate().any(|(place, mint)| mints[..place].contains(mint));
        if mints.is_empty() || mints.len() > MAX_MINTS || twice {
            return Err(LaneError::NotOneTransaction);
        }
        Ok(())
    }
}
