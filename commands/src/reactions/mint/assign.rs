//! Giving nonces to mints that wait: as many as the lane has room for, in one commit.

use cqrs_es::Aggregate;
use domain::command::Command;
use domain::lane::{AssignNonce, Errand, Gate, Lane, LaneEvent};
use domain::nft::{AssignMint, HoldBack, HoldReason, Nft};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::{Numbered, state_of};
use super::ready::{Together, mint_of};
use super::waiting::Mint;
use crate::error::CommandError;
use crate::outside::chain::Fees;
use crate::outside::ethers;
use crate::reactions::ReactionError;

/// The gas a slot may still take.
fn reserved((_, slot): &Numbered) -> u128 {
    let signed = slot.attempts.last().map(|newest| newest.gas_limit);
    let mints = || ethers::mints_gas_limit(slot.errand.mints().len());
    signed.unwrap_or_else(mints).into()
}

/// The gas that new mints may take.
fn limit(together: &Together) -> u128 {
    match together.proven_by {
        Some(_) => ethers::APPROVED_MINT_GAS_LIMIT.into(),
        None => ethers::mints_gas_limit(together.nfts.len()).into(),
    }
}

impl LaneWorker {
    /// Assigns what there is room for; says whether there was anything.
    pub async fn assign(
        &self,
        lane: &Loaded<Lane>,
        pending: &[Numbered],
    ) -> Result<bool, ReactionError> {
        let room = self.in_flight.saturating_sub(pending.len());
        if room == 0 || lane.state.gate() != Gate::Open || !self.chain.is_steady() {
            return Ok(false);
        }
        if self.anchor(lane).await? {
            return Ok(true);
        }
        if !self.mints {
            return Ok(false);
        }
        if self.may_deploy && self.assign_deployment(lane).await? {
            return Ok(true);
        }
        let taken = self.waiting.take(room.saturating_mul(self.mints_in_one));
        if taken.is_empty() {
            return Ok(false);
        }
        let outcome = self.assign_all(lane, &taken, room, pending).await;
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
        room: usize,
        pending: &[Numbered],
    ) -> Result<bool, ReactionError> {
        let mut ready = self.ready(taken).await?;
        self.keep_to(room, &mut ready);
        let mut ready = self.not_refused(ready).await;
        // Alone they need more nonces than together, and more gas.
        self.keep_to(room, &mut ready);
        if ready.is_empty() {
            return Ok(false);
        }
        let fees = self.chain.fees().await.map_err(CommandError::from)?;
        let gas = pending.iter().map(reserved).chain(ready.iter().map(limit)).sum();
        if let Some((reason, detail)) = self.obstacle(fees, gas).await? {
            for nft in ready.iter().flat_map(|together| &together.nfts) {
                self.hold_back(nft, reason, &detail).await?;
            }
            // The sweep brings them again.
            return Ok(false);
        }
        self.commit_nonces(lane, ready).await
    }

    /// Those that cannot go together need more nonces than there is room for.
    fn keep_to(&self, room: usize, ready: &mut Vec<Together>) {
        ready.drain(room.min(ready.len())..).for_each(|together| self.put_back(&together));
    }

    pub(super) fn put_back(&self, together: &Together) {
        for waits in &together.nfts {
            self.waiting.put_back(&[(waits.tenant, mint_of(waits))]);
        }
    }

    /// Why so much gas cannot be paid now.
    pub(super) async fn obstacle(
        &self,
        fees: Fees,
        gas: u128,
    ) -> Result<Option<(HoldReason, String)>, ReactionError> {
        let cap = self.chain.fee_cap();
        if fees.needed() > cap {
            let detail = format!("{} wei per gas are asked, the cap is {cap}", fees.needed());
            return Ok(Some((HoldReason::FeeCap, detail)));
        }
        let balance = self.chain.balance(self.signer.address()).await;
        let balance = balance.map_err(CommandError::from)?;
        let cost = fees.max_fee_per_gas.min(cap).saturating_mul(gas);
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
        ready: Vec<Together>,
    ) -> Result<bool, ReactionError> {
        let mut state = state_of(lane);
        let mut numbered: Vec<LaneEvent> = Vec::new();
        let asked = self.asked(&format!("lane:{}", self.id()));
        let mut commit = self.commands.begin(&asked);
        let (mut nonces, mut mints) = (0, 0);
        for together in ready {
            let Lane::Open { next_nonce: nonce, .. } = state else { return Ok(false) };
            let Together { nfts, proven_by } = together;
            let Some((first, tenant)) = nfts.first().map(|nft| (mint_of(nft), nft.tenant)) else {
                continue;
            };
            let errand = match proven_by {
                Some(size) => Errand::ApprovedMint { mint: first, size },
                None => Errand::Mints { mints: nfts.iter().map(mint_of).collect() },
            };
            let Ok(events) = (AssignNonce { tenant, errand }).decide(&state) else { continue };
            let (network, signer) = (self.chain.network().to_owned(), self.signer.address());
            let assign = AssignMint { network, signer, nonce };
            let given: Result<Vec<_>, _> =
                nfts.iter().map(|nft| assign.decide(&nft.state)).collect();
            let Ok(given) = given else { continue };
            events.iter().cloned().for_each(|event| state.apply(event));
            numbered.extend(events);
            (nonces, mints) = (nonces + 1, mints + nfts.len());
            for (nft, events) in nfts.iter().zip(given) {
                commit = commit.append(nft, events);
            }
        }
        if numbered.is_empty() {
            return Ok(false);
        }
        let commit = commit.append(lane, numbered);
        self.commands.commit(&asked, &(), commit).await?;
        tracing::info!(lane = self.id(), nonces, mints, "nonces assigned");
        Ok(true)
    }
}
