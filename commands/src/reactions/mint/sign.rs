//! Signing what is to be sent: the first bytes of a slot, a higher offer for one that is stuck, a
//! cancel where that is asked for. All of it is written down; nothing is sent from here.

use std::time::{Duration, Instant};

use domain::command::Command;
use domain::lane::{Attempt, Errand, Lane, LaneEvent, SignAttempt, Slot};
use domain::nft::{HoldReason, LetGo, Nft};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::Numbered;
use super::memory::Memory;
use super::offer;
use super::spending::mints;
use crate::error::CommandError;
use crate::outside::chain::{Fees, Spending};
use crate::reactions::ReactionError;

/// A transaction that is out for so many blocks' times without coming into one is stuck.
const STUCK_AFTER_BLOCKS: u32 = 4;

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
        for (nonce, slot) in wanting {
            if let Some(attempt) = self.attempt(*nonce, slot, asked_fees).await? {
                let sign = SignAttempt { nonce: *nonce, attempt };
                signed.extend(sign.decide(&lane.state).map_err(CommandError::refused)?);
            }
        }
        if signed.is_empty() {
            return Ok(false);
        }
        let asked = self.asked(&format!("lane:{}", self.id()));
        let commit = self.commands.begin(&asked).append(lane, signed);
        self.commands.commit(&asked, &(), commit).await?;
        Ok(true)
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
            Errand::Deployment { deployment } => self.deployment(*deployment).await?,
        };
        let attempt = self.signer.sign(nonce, &spending, fees).await;
        Ok(Some(attempt.map_err(CommandError::from)?))
    }
}
