//! Which of the mints that wait can go out now, and which of them together.

use domain::id::{TenantId, WhiskeyId};
use domain::nft::address::EvmAddress;
use domain::nft::{HoldReason, Nft};
use eventstore::Loaded;
use futures::{StreamExt, TryStreamExt, stream};

use super::AT_ONCE;
use super::lane::LaneWorker;
use super::waiting::Mint;
use crate::error::CommandError;
use crate::reactions::ReactionError;

/// Mints that one transaction can do: of one tenant and one contract.
pub(super) struct Together {
    pub nfts: Vec<Loaded<Nft>>,
    /// The anchored head that proves the approval of the only one of them, where the contract wants that.
    pub proven_by: Option<u64>,
}

impl LaneWorker {
    /// Those that still want a nonce on this network, and whose tokens the contract does not have.
    pub async fn ready(&self, taken: &[Mint]) -> Result<Vec<Together>, ReactionError> {
        let states = taken.iter().map(|(tenant, mint)| self.commands.mint_state(*tenant, *mint));
        let states: Vec<_> = states.collect();
        let mut wanted: Vec<Loaded<Nft>> =
            stream::iter(states).buffered(AT_ONCE).try_collect().await?;
        wanted.retain(|nft| self.is_wanted(nft));
        wanted.sort_by_key(place);
        let mut ready = Vec::new();
        for same in wanted.chunk_by(|a, b| place(a) == place(b)) {
            let Some((_, contract)) = same.first().and_then(place) else { continue };
            if !self.contracts.contains(&contract) {
                let detail = format!("nothing is minted by {contract} here");
                for nft in same {
                    self.hold_back(nft, HoldReason::OtherContract, &detail).await?;
                }
                continue;
            }
            let unminted = self.unminted(same).await?;
            if unminted.is_empty() {
                continue;
            }
            if self.wants_proof(contract).await? {
                ready.extend(self.proven(contract, unminted).await?);
            } else {
                let (alone, social): (Vec<_>, Vec<_>) = unminted.into_iter().partition(goes_alone);
                let together =
                    |some: &[Loaded<Nft>]| Together { nfts: some.to_vec(), proven_by: None };
                // They have waited longest.
                ready.extend(alone.chunks(1).map(together));
                ready.extend(social.chunks(self.mints_in_one).map(together));
            }
        }
        Ok(ready)
    }

    /// The contract that is said to want proofs is given them, also if it would do without.
    async fn wants_proof(&self, contract: EvmAddress) -> Result<bool, ReactionError> {
        let required = self.chain.approval_required(contract).await.map_err(CommandError::from)?;
        let promised = self.proven_contract == Some(contract);
        if promised && !required {
            tracing::error!(
                lane = self.id(),
                %contract,
                "ALARM: the contract that tenants were promised proofs by does not require them"
            );
        }
        Ok(promised || required)
    }

    /// Those whose approval is in an anchored head, each by itself. The others wait for one: the sweep
    /// brings them again.
    async fn proven(
        &self,
        contract: EvmAddress,
        nfts: Vec<Loaded<Nft>>,
    ) -> Result<Vec<Together>, ReactionError> {
        let id = format!("{}-{contract}", self.chain.chain_id());
        let anchored = self.contract(&id).await?.state.anchored();
        let account = self.signer.address();
        if self.chain.may_anchor(contract, account).await.map_err(CommandError::from)? {
            tracing::error!(
                lane = self.id(),
                %contract,
                "ALARM: the account that mints has ANCHOR_ROLE: its key alone can prove what it likes"
            );
            if self.proven_contract == Some(contract) {
                let detail = "the account that mints may anchor as well, which proves nothing";
                for nft in &nfts {
                    self.hold_back(nft, HoldReason::Unproven, detail).await?;
                }
                return Ok(Vec::new());
            }
        }
        let mut proven = Vec::with_capacity(nfts.len());
        for nft in nfts {
            let approval = self.approval(mint_of(&nft)).await?;
            if u64::try_from(approval.position).is_ok_and(|position| position < anchored) {
                proven.push(Together { nfts: vec![nft], proven_by: Some(anchored) });
            } else if !self.heads_come {
                let detail = "its approval has to be anchored, and no heads are anchored here";
                self.hold_back(&nft, HoldReason::Unproven, detail).await?;
            }
        }
        Ok(proven)
    }

    fn is_wanted(&self, nft: &Loaded<Nft>) -> bool {
        match nft.state.as_ref() {
            Nft::Pinned { order, held, .. } => {
                order.chain_id == self.chain.chain_id()
                    && !matches!(held, Some(HoldReason::Operator | HoldReason::AlreadyOnChain))
            }
            _ => false,
        }
    }

    /// Without those that have a token already, by whichever contract: one that nobody here has minted is
    /// for people to judge.
    async fn unminted(&self, nfts: &[Loaded<Nft>]) -> Result<Vec<Loaded<Nft>>, ReactionError> {
        let tokens: Vec<WhiskeyId> = nfts.iter().map(mint_of).collect();
        let mut unminted = nfts.to_vec();
        for contract in &self.contracts {
            let digests = self.chain.digests(*contract, &tokens).await;
            for (nft, digest) in nfts.iter().zip(digests.map_err(CommandError::from)?) {
                if digest != [0; 32] && unminted.iter().any(|left| left.id == nft.id) {
                    tracing::error!(mint = nft.id, %contract, "ALARM: there is such a token already");
                    let detail = format!("digest {} at {contract}", hex::encode(digest));
                    self.hold_back(nft, HoldReason::AlreadyOnChain, &detail).await?;
                    unminted.retain(|left| left.id != nft.id);
                }
            }
        }
        Ok(unminted)
    }
}

/// Whether others are better off without it: it reverted in company, or was refused before.
fn goes_alone(nft: &Loaded<Nft>) -> bool {
    nft.state.goes_alone() || nft.state.held() == Some(HoldReason::Refused)
}

/// What those have in common that go out together.
fn place(nft: &Loaded<Nft>) -> Option<(TenantId, EvmAddress)> {
    nft.state.order().map(|order| (nft.tenant, order.contract))
}

/// A token has its cask's id.
pub(super) fn mint_of(nft: &Loaded<Nft>) -> WhiskeyId {
    nft.id.parse().unwrap_or(WhiskeyId::new(0))
}
