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
    /// Making a contract.
    Deployment { deployment: DeploymentId },
}

impl Errand {
    /// The mints among it.
    pub fn mints(&self) -> &[WhiskeyId] {
        match self {
            Self::Mints { mints } => mints,
            Self::Deployment { .. } => &[],
        }
    }

    /// What its transaction is called.
    pub const fn attempt(&self) -> AttemptKind {
        match self {
            Self::Mints { .. } => AttemptKind::Mint,
            Self::Deployment { .. } => AttemptKind::Deployment,
        }
    }

    /// Whether both would do the same, at least in part.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mints { mints }, Self::Mints { mints: others }) => {
                mints.iter().any(|mint| others.contains(mint))
            }
            _ => self == other,
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
