//! Signing what is to be sent: the first bytes of a slot, a higher offer for one that is stuck, a
//! cancel where that is asked for. All of it is written down; nothing is sent from here.

use std::time::{Duration, Instant};

use domain::command::Command;
use domain::lane::{Attempt, Errand, Lane, LaneEvent, RequestCancel, SignAttempt, Slot};
use domain::nft::{HoldReason, LetGo, Nft};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::Numbered;
use super::memory::Memory;
use super::offer;
use super::spending::{approved, mints};
use crate::error::CommandError;
use crate::outside::chain::{Fees, Spending};
use crate::reactions::ReactionError;

/// A transaction that is out for so many blocks' times without coming into one is stuck.
const STUCK_AFTER_BLOCKS: u32 = 4;
/// A slot for what nobody here may do is left so long to whoever may, before its nonce is given up.
const LEFT_ALONE_BLOCKS: u32 = 30;

impl LaneWorker {
    /// Signs for the slots that want it; says whether there were any.
    pub async fn sign(
        &self,
        lane: &Loaded<Lane>,
        pending: &[Numbered],
        memory: &Memory,
    ) -> Result<bool, ReactionError> {
        let wanting = self.wanting(pending, memory);
        if wanting.is_empty() {
            return Ok(false);
        }
        let asked_fees = self.chain.fees().await.map_err(CommandError::from)?;
        let mut signed: Vec<LaneEvent> = Vec::new();
        // One that cannot be signed keeps none of the others, but whatever comes after this: a signer
        // that is away must not be given nonces that another lane could use.
        let mut failed = None;
        for (nonce, slot) in wanting {
            if !slot.cancelling() && !self.may_do(&slot.errand) {
                signed.extend(self.give_up(lane, *nonce, memory)?);
                continue;
            }
            match self.attempt(*nonce, slot, asked_fees).await {
                Ok(None) => {}
                Ok(Some(attempt)) => {
                    let sign = SignAttempt { nonce: *nonce, attempt };
                    signed.extend(sign.decide(&lane.state).map_err(CommandError::refused)?);
                }
                Err(error) => failed = Some(error),
            }
        }
        let moved = !signed.is_empty();
        if moved {
            let asked = self.asked(&format!("lane:{}", self.id()));
            let commit = self.commands.begin(&asked).append(lane, signed);
            self.commands.commit(&asked, &(), commit).await?;
        }
        failed.map_or(Ok(moved), Err)
    }

    /// Slots without bytes, those that are given up, and the lowest one if it is stuck: the
    /// others cannot come before it.
    fn wanting<'a>(&self, pending: &'a [Numbered], memory: &Memory) -> Vec<&'a Numbered> {
        let within = pending.iter().take(self.in_flight).enumerate();
        within
            .filter(|(place, (nonce, slot))| match slot.attempts.last() {
                None => true,
                Some(newest) if newest.kind != slot.wanted() => true,
                Some(newest) => *place == 0 && self.is_stuck(*nonce, newest, memory),
            })
            .map(|(_, numbered)| numbered)
            .collect()
    }

    /// Whether this process signs for such an errand: another one may have begun it, or another
    /// configuration.
    fn may_do(&self, errand: &Errand) -> bool {
        match errand {
            Errand::Mints { .. } | Errand::ApprovedMint { .. } => self.mints,
            Errand::Deployment { .. } => self.may_deploy,
            Errand::Anchor { contract, .. } => self.anchors_at(contract),
        }
    }

    /// Spends the nonce on nothing, if nobody has done its errand for long: the others wait for it.
    fn give_up(
        &self,
        lane: &Loaded<Lane>,
        nonce: u64,
        memory: &Memory,
    ) -> Result<Vec<LaneEvent>, CommandError> {
        let left_alone = self.chain.block_time() * LEFT_ALONE_BLOCKS;
        if memory.open_for(nonce, Instant::now()) < left_alone {
            return Ok(Vec::new());
        }
        tracing::error!(lane = self.id(), nonce, "nobody here may do its errand; it is given up");
        RequestCancel { nonce, mint: None }.decide(&lane.state).map_err(CommandError::refused)
    }

    fn is_stuck(&self, nonce: u64, newest: &Attempt, memory: &Memory) -> bool {
        memory.out_for(nonce, &newest.tx_hash, Instant::now()) >= self.stuck_after()
    }

    pub(super) fn stuck_after(&self) -> Duration {
        self.chain.block_time() * STUCK_AFTER_BLOCKS
    }

    /// The next bytes of a slot; none if it has to wait for lower fees, or for an operator: whoever
    /// holds one of the mints holds those that share its nonce.
    async fn attempt(
        &self,
        nonce: u64,
        slot: &Slot,
        asked_fees: Fees,
    ) -> Result<Option<Attempt>, ReactionError> {
        let nfts: Vec<Loaded<Nft>> =
            self.commands.mint_states(slot.tenant, slot.errand.mints()).await?;
        let by_operator = nfts.iter().any(|nft| nft.state.held() == Some(HoldReason::Operator));
        let cap = self.chain.fee_cap();
        let fees = match slot.attempts.last() {
            None => Some(offer::first(asked_fees, cap)),
            Some(_) if by_operator && !slot.cancelling() => return Ok(None),
            Some(before) => offer::next(before, asked_fees, cap),
        };
        let Some(fees) = fees else {
            let detail = format!("{} wei per gas are asked, the cap is {cap}", asked_fees.needed());
            for nft in &nfts {
                self.hold_back(nft, HoldReason::FeeCap, &detail).await?;
            }
            return Ok(None);
        };
        for nft in nfts.iter().filter(|nft| nft.state.held().is_some()) {
            let asked = super::asked(slot.tenant, &format!("mint:{}", nft.id), "chain");
            self.commands.execute::<Nft, _, _>(&asked, &nft.id, &LetGo, ()).await?;
        }
        let spending = match &slot.errand {
            _ if slot.cancelling() => Spending::Cancel,
            Errand::Mints { .. } => mints(&nfts)?,
            Errand::ApprovedMint { mint, size } => {
                approved(&nfts, self.approval_proof(*mint, *size).await?)?
            }
            Errand::Deployment { deployment } => self.deployment(*deployment).await?,
            Errand::Anchor { contract, .. } => self.anchor_of(contract).await?,
        };
        let attempt = self.signer.sign(nonce, &spending, fees).await;
        Ok(Some(attempt.map_err(CommandError::from)?))
    }
}
