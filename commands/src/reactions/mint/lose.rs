//! Seeing that somebody else has spent a nonce of ours: the transaction that did it is found in a
//! final block. That ours is nowhere would prove nothing.

use std::time::Instant;

use domain::command::Command;
use domain::id::{TenantId, WhiskeyId};
use domain::lane::{Errand, ForeignUse, Lane, LoseSlot};
use domain::nft::{LoseMintSlot, Nft};
use eventstore::{Commit, Loaded};

use super::lane::LaneWorker;
use super::look::Numbered;
use super::memory::Memory;
use crate::error::CommandError;
use crate::execute::Asked;
use crate::outside::chain::Spent;
use crate::reactions::ReactionError;

impl LaneWorker {
    /// Gives up the lowest slot if its nonce was spent by others; says whether it was.
    pub async fn lose(&self, pending: &[Numbered], memory: &Memory) -> Result<bool, ReactionError> {
        // Only one that should have come into a block long ago is worth the question.
        let Some((nonce, slot)) = pending.first() else { return Ok(false) };
        let out = slot.attempts.last().map(|newest| &newest.tx_hash);
        let out = out.map(|hash| memory.out_for(*nonce, hash, Instant::now()));
        if out.is_none_or(|out| out < self.stuck_after()) {
            return Ok(false);
        }
        let spent = self.chain.spent(self.signer.address(), *nonce).await;
        let Some(spent) = spent.map_err(CommandError::from)? else { return Ok(false) };
        if slot.attempts.iter().any(|attempt| attempt.tx_hash == spent.tx_hash) {
            // It is ours: the node that has no receipt is behind, or lies.
            return Ok(false);
        }
        self.write_off(&(*nonce, slot.clone()), spent).await
    }

    /// The slot is lost, its mints wait for another, and the lane is shut.
    async fn write_off(
        &self,
        (nonce, slot): &Numbered,
        spent: Spent,
    ) -> Result<bool, ReactionError> {
        let Spent { tx_hash, block_number, block_hash, finalized_block } = spent;
        let lane: Loaded<Lane> = self.lane().await?;
        let evidence = ForeignUse { tx_hash, block_number, block_hash, finalized_block };
        let lose = LoseSlot { nonce: *nonce, evidence };
        let lost = lose.decide(&lane.state).map_err(CommandError::refused)?;
        let asked = self.asked(&format!("lane:{}", self.id()));
        let mut commit = self.commands.begin(&asked).append(&lane, lost);
        match &slot.errand {
            Errand::Mints { .. } | Errand::ApprovedMint { .. } => {
                for mint in slot.errand.mints() {
                    let (tenant, mint) = (slot.tenant, *mint);
                    let loss = LoseMintSlot { nonce: *nonce, reverted: false, finalized_block };
                    commit = self.set_free(&asked, commit, tenant, mint, loss).await?;
                }
            }
            Errand::Deployment { deployment } => {
                commit = self
                    .lose_deployment(&asked, commit, *deployment, *nonce, finalized_block)
                    .await?;
            }
            Errand::Anchor { contract, .. } => {
                commit =
                    self.lose_anchor(&asked, commit, contract, *nonce, finalized_block).await?;
            }
        }
        self.commands.commit(&asked, &(), commit).await?;
        tracing::error!(
            lane = self.id(),
            nonce,
            errand = ?slot.errand,
            "ALARM: somebody else uses the signer's key; the lane is shut"
        );
        self.wait_again(slot.tenant, slot.errand.mints().iter().copied());
        Ok(true)
    }

    /// A mint has no nonce any more.
    pub(super) async fn set_free<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        tenant: TenantId,
        mint: WhiskeyId,
        lose: LoseMintSlot,
    ) -> Result<Commit<'a>, CommandError> {
        let of_tenant = asked.in_tenant(tenant);
        let (nft, back) =
            self.commands.decide::<Nft, _>(&of_tenant, &mint.to_string(), &lose).await?;
        Ok(commit.append(&nft, back))
    }

    pub(super) fn wait_again(&self, tenant: TenantId, mints: impl Iterator<Item = WhiskeyId>) {
        mints.for_each(|mint| self.waiting.add(tenant, mint));
    }
}
