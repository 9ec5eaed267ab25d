//! Giving nonces to mints that wait: as many as the lane has room for, in one commit.

use cqrs_es::Aggregate;
use domain::command::Command;
use domain::id::{TenantId, WhiskeyId};
use domain::lane::{AssignNonce, Gate, Lane, LaneEvent};
use domain::nft::{AssignMint, HoldBack, HoldReason, Nft};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::state_of;
use crate::error::CommandError;
use crate::outside::chain::Fees;
use crate::reactions::ReactionError;

type Mint = (TenantId, WhiskeyId);

/// What a mint may cost in gas, as far as funds are concerned.
const GAS_OF_A_MINT: u128 = 200_000;

impl LaneWorker {
    /// Assigns what there is room for; says whether there was anything.
    pub async fn assign(&self, lane: &Loaded<Lane>, pending: usize) -> Result<bool, ReactionError> {
        let room = self.in_flight.saturating_sub(pending);
        if room == 0 || lane.state.gate() != Gate::Open || !self.chain.is_steady() {
            return Ok(false);
        }
        let taken = self.waiting.take(room);
        if taken.is_empty() {
            return Ok(false);
        }
        let outcome = self.assign_all(lane, &taken, pending).await;
        if outcome.is_err() {
            // Whatever became of it: who has a nonce is left out at the next look.
            self.waiting.put_back(&taken);
        }
        outcome
    }

    async fn assign_all(
        &self,
        lane: &Loaded<Lane>,
        taken: &[Mint],
        pending: usize,
    ) -> Result<bool, ReactionError> {
        let ready = self.ready(taken).await?;
        let ready = self.unminted(ready).await?;
        let fees = self.chain.fees().await.map_err(CommandError::from)?;
        if let Some((reason, detail)) = self.obstacle(fees, pending + ready.len()).await? {
            for nft in &ready {
                self.hold_back(nft, reason, &detail).await?;
            }
            // The sweep brings them again.
            return Ok(false);
        }
        self.commit_nonces(lane, ready).await
    }

    /// Those that still want a nonce, and on this network.
    async fn ready(&self, taken: &[Mint]) -> Result<Vec<Loaded<Nft>>, ReactionError> {
        let mut ready = Vec::with_capacity(taken.len());
        for (tenant, mint) in taken {
            let nft: Loaded<Nft> = self.commands.mint_state(*tenant, *mint).await?;
            let wanted = match nft.state.as_ref() {
                Nft::Pinned { order, held, .. } => {
                    order.chain_id == self.chain.chain_id()
                        && !matches!(held, Some(HoldReason::Operator | HoldReason::AlreadyOnChain))
                }
                _ => false,
            };
            if wanted {
                ready.push(nft);
            }
        }
        Ok(ready)
    }

    /// Without those the contract has already: a token that nobody here has minted is for people
    /// to judge.
    async fn unminted(&self, nfts: Vec<Loaded<Nft>>) -> Result<Vec<Loaded<Nft>>, ReactionError> {
        let mut unminted = Vec::with_capacity(nfts.len());
        for same in nfts.chunk_by(|a, b| contract(a) == contract(b)) {
            let Some(contract) = same.first().and_then(contract) else { continue };
            let tokens: Vec<WhiskeyId> = same.iter().map(mint_of).collect();
            let digests =
                self.chain.digests(contract, &tokens).await.map_err(CommandError::from)?;
            for (nft, digest) in same.iter().zip(digests) {
                if digest == [0; 32] {
                    unminted.push(nft.clone());
                } else {
                    tracing::error!(mint = nft.id, "ALARM: the contract has this token already");
                    let detail = format!("digest {}", hex::encode(digest));
                    self.hold_back(nft, HoldReason::AlreadyOnChain, &detail).await?;
                }
            }
        }
        Ok(unminted)
    }

    /// Why nothing can be minted now.
    async fn obstacle(
        &self,
        fees: Fees,
        mints: usize,
    ) -> Result<Option<(HoldReason, String)>, ReactionError> {
        let cap = self.chain.fee_cap();
        if fees.needed() > cap {
            let detail = format!("{} wei per gas are asked, the cap is {cap}", fees.needed());
            return Ok(Some((HoldReason::FeeCap, detail)));
        }
        let balance = self.chain.balance(self.signer.address()).await;
        let balance = balance.map_err(CommandError::from)?;
        let mints = u128::try_from(mints).unwrap_or(u128::MAX);
        let price = fees.max_fee_per_gas.min(cap);
        let cost = price.saturating_mul(GAS_OF_A_MINT).saturating_mul(mints);
        if balance < cost {
            tracing::error!(lane = self.id(), balance, cost, "ALARM: the signer runs out of funds");
            let detail = format!("{balance} wei are there, {cost} may be needed");
            return Ok(Some((HoldReason::Funds, detail)));
        }
        Ok(None)
    }

    pub(super) async fn hold_back(
        &self,
        nft: &Loaded<Nft>,
        reason: HoldReason,
        detail: &str,
    ) -> Result<(), ReactionError> {
        let hold = HoldBack { reason, detail: detail.to_owned() };
        let asked = super::asked(nft.tenant, &format!("mint:{}", nft.id), "chain");
        self.commands.execute::<Nft, _, _>(&asked, &nft.id, &hold, ()).await?;
        Ok(())
    }

    /// One commit on the lane and on all these mints.
    async fn commit_nonces(
        &self,
        lane: &Loaded<Lane>,
        ready: Vec<Loaded<Nft>>,
    ) -> Result<bool, ReactionError> {
        let mut state = state_of(lane);
        let mut numbered: Vec<LaneEvent> = Vec::new();
        let asked = self.asked(&format!("lane:{}", self.id()));
        let mut commit = self.commands.begin(&asked);
        let assigned = ready.len();
        for nft in ready {
            let Lane::Open { next_nonce: nonce, .. } = state else { return Ok(false) };
            let number = AssignNonce { tenant: nft.tenant, mint: mint_of(&nft) };
            let Ok(events) = number.decide(&state) else { continue };
            let (network, signer) = (self.chain.network().to_owned(), self.signer.address());
            let Ok(given) = (AssignMint { network, signer, nonce }).decide(&nft.state) else {
                continue;
            };
            events.iter().cloned().for_each(|event| state.apply(event));
            numbered.extend(events);
            commit = commit.append(&nft, given);
        }
        if numbered.is_empty() {
            return Ok(false);
        }
        let commit = commit.append(lane, numbered);
        self.commands.commit(&asked, &(), commit).await?;
        tracing::info!(lane = self.id(), assigned, "nonces assigned");
        Ok(true)
    }
}

fn contract(nft: &Loaded<Nft>) -> Option<domain::nft::address::EvmAddress> {
    nft.state.order().map(|order| order.contract)
}

/// A token has its cask's id.
pub(super) fn mint_of(nft: &Loaded<Nft>) -> WhiskeyId {
    nft.id.parse().unwrap_or(WhiskeyId::new(0))
}
