//! Asking the contract before a nonce is spent on it: what it would refuse waits until it would not.

use domain::nft::HoldReason;
use futures::{StreamExt, stream};

use super::AT_ONCE;
use super::lane::LaneWorker;
use super::ready::{Together, mint_of};
use super::spending::{approved, mints};
use crate::error::CommandError;
use crate::reactions::ReactionError;

impl LaneWorker {
    /// Those the contract would mint as things stand. Where it refuses several, each is asked for
    /// alone, so that one keeps none of the others.
    pub(super) async fn not_refused(&self, ready: Vec<Together>) -> Vec<Together> {
        let mut willing = Vec::with_capacity(ready.len());
        for (together, refusal) in self.refusals(ready).await {
            match refusal {
                None => willing.push(together),
                Some(reason) if together.nfts.len() == 1 || is_about_all(&reason) => {
                    self.refused(&together, &reason).await;
                }
                Some(_) => willing.extend(self.willing_alone(together).await),
            }
        }
        willing
    }

    async fn willing_alone(&self, several: Together) -> Vec<Together> {
        let alone =
            several.nfts.into_iter().map(|nft| Together { nfts: vec![nft], proven_by: None });
        let mut willing = Vec::new();
        for (alone, refusal) in self.refusals(alone.collect()).await {
            match refusal {
                None => willing.push(alone),
                Some(reason) => self.refused(&alone, &reason).await,
            }
        }
        willing
    }

    /// Each with what the contract says against it. Those it could not be asked about wait.
    async fn refusals(&self, ready: Vec<Together>) -> Vec<(Together, Option<String>)> {
        let asked: Vec<_> = ready.iter().map(|together| self.refusal(together)).collect();
        let told: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut refusals = Vec::with_capacity(ready.len());
        for (together, told) in ready.into_iter().zip(told) {
            match told {
                Ok(refusal) => refusals.push((together, refusal)),
                Err(error) => {
                    tracing::warn!(lane = self.id(), %error, "the contract was not asked");
                    self.put_back(&together);
                }
            }
        }
        refusals
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

    /// The sweep brings them again.
    async fn refused(&self, together: &Together, reason: &str) {
        for nft in &together.nfts {
            tracing::warn!(mint = nft.id, reason, "the contract would refuse the mint");
            if let Err(error) = self.hold_back(nft, HoldReason::Refused, reason).await {
                // Without a nonce it waits all the same.
                tracing::warn!(mint = nft.id, %error, "it was not written down that it is refused");
            }
        }
    }
}

/// Whether it is the contract or the signer, and not the token.
fn is_about_all(reason: &str) -> bool {
    ["EnforcedPause(", "AccessControlUnauthorizedAccount("].iter().any(|it| reason.starts_with(it))
}
