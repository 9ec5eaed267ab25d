//! Asking the contract before a nonce is spent on it: what it would refuse waits until it would not.

use domain::nft::{HoldReason, Nft};
use eventstore::Loaded;
use futures::{StreamExt, TryStreamExt, stream};

use super::AT_ONCE;
use super::lane::LaneWorker;
use super::ready::{Together, mint_of};
use super::spending::{approved, mints};
use crate::error::CommandError;
use crate::reactions::ReactionError;

impl LaneWorker {
    /// Those the contract would mint as things stand. Where it refuses several, each is asked for
    /// alone, so that one keeps none of the others.
    pub(super) async fn not_refused(
        &self,
        ready: Vec<Together>,
    ) -> Result<Vec<Together>, ReactionError> {
        let asked: Vec<_> = ready.iter().map(|together| self.refusal(together)).collect();
        let refusals: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let mut willing = Vec::with_capacity(ready.len());
        for (together, refusal) in ready.into_iter().zip(refusals) {
            match (refusal, together.nfts.as_slice()) {
                (None, _) => willing.push(together),
                (Some(reason), [nft]) => self.refused(nft, &reason).await?,
                (Some(_), several) => {
                    for nft in several {
                        let alone = Together { nfts: vec![nft.clone()], proven_by: None };
                        match self.refusal(&alone).await? {
                            None => willing.push(alone),
                            Some(reason) => self.refused(nft, &reason).await?,
                        }
                    }
                }
            }
        }
        Ok(willing)
    }

    async fn refusal(&self, together: &Together) -> Result<Option<String>, ReactionError> {
        let spending = match (together.proven_by, together.nfts.as_slice()) {
            (Some(size), [nft]) => {
                approved(&together.nfts, self.approval_proof(mint_of(nft), size).await?)?
            }
            _ => mints(&together.nfts)?,
        };
        let refusal = self.chain.refusal(self.signer.address(), &spending).await;
        Ok(refusal.map_err(CommandError::from)?)
    }

    /// The sweep brings it again.
    async fn refused(&self, nft: &Loaded<Nft>, reason: &str) -> Result<(), ReactionError> {
        tracing::warn!(mint = nft.id, reason, "the contract would refuse the mint");
        self.hold_back(nft, HoldReason::Refused, reason).await
    }
}
