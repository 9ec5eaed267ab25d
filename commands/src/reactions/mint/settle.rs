//! The verdict: an attempt stands in a final block, and enough nodes say so. Lane, token and cask
//! change in one commit.

use std::collections::HashMap;

use domain::command::Command;
use domain::lane::{AttemptKind, Lane, LaneEvent, SettleSlot};
use domain::nft::{ConfirmMint, Cost, FailMint, FailureClass, Nft};
use domain::whiskey::{CompleteTokenisation, GiveUpTokenisation, Whiskey};
use eventstore::{Commit, Loaded};

use super::lane::LaneWorker;
use super::look::Numbered;
use super::record::inclusion;
use crate::error::CommandError;
use crate::execute::Asked;
use crate::outside::chain::Verdict;
use crate::reactions::ReactionError;

/// A slot with the attempt that won it.
type Won = (Numbered, String);

impl LaneWorker {
    /// Settles what is final; says whether anything was.
    pub async fn settle(&self, lane: &Loaded<Lane>, won: &[Won]) -> Result<bool, ReactionError> {
        if won.is_empty() {
            return Ok(false);
        }
        let hashes: Vec<String> = won.iter().map(|(_, tx_hash)| tx_hash.clone()).collect();
        let verdicts = self.chain.verdicts(&hashes).await.map_err(CommandError::from)?;
        let every: Vec<&Won> = won.iter().collect();
        match self.settle_some(lane, &every, &verdicts).await {
            // Each alone, so that one that cannot be settled keeps none of the others.
            Err(CommandError::Conflict | CommandError::Refused { .. }) => {}
            done => return Ok(done?),
        }
        let mut settled = false;
        for one in every {
            let lane = self.lane().await?;
            match self.settle_some(&lane, &[one], &verdicts).await {
                Err(error @ CommandError::Refused { .. }) => {
                    let mint = one.0.1.mint;
                    tracing::error!(%mint, %error, "ALARM: a final block does not fit the log");
                }
                done => settled |= done?,
            }
        }
        Ok(settled)
    }

    async fn settle_some(
        &self,
        lane: &Loaded<Lane>,
        won: &[&Won],
        verdicts: &HashMap<String, Verdict>,
    ) -> Result<bool, CommandError> {
        let correlation = match won {
            [one] => format!("mint:{}", one.0.1.mint),
            _ => format!("lane:{}", self.id()),
        };
        let asked = self.asked(&correlation);
        let mut commit = self.commands.begin(&asked);
        let mut settled: Vec<LaneEvent> = Vec::new();
        for (numbered, winner) in won {
            let Some(verdict) = verdicts.get(winner) else { continue };
            let settle = SettleSlot {
                nonce: numbered.0,
                winner: winner.clone(),
                block_number: verdict.receipt.block_number,
                block_hash: verdict.receipt.block_hash.clone(),
            };
            settled.extend(settle.decide(&lane.state).map_err(CommandError::refused)?);
            commit = self.judge(&asked, commit, numbered, winner, verdict).await?;
        }
        if settled.is_empty() {
            return Ok(false);
        }
        self.commands.commit(&asked, &(), commit.append(lane, settled)).await?;
        Ok(true)
    }

    /// What the verdict means for the token and for the cask.
    async fn judge<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        (nonce, slot): &Numbered,
        winner: &str,
        verdict: &Verdict,
    ) -> Result<Commit<'a>, CommandError> {
        let (id, asked) = (slot.mint.to_string(), asked.in_tenant(slot.tenant));
        let network = self.chain.network().to_owned();
        let Verdict { receipt, finalized_block } = verdict;
        let (inclusion, finalized_block) = (inclusion(winner, receipt), *finalized_block);
        let cancelled = slot
            .attempts
            .iter()
            .any(|attempt| attempt.tx_hash == winner && attempt.kind == AttemptKind::Cancel);
        let commands = &self.commands;
        if cancelled || !receipt.succeeded {
            let class = if cancelled {
                FailureClass::CancelledAtFinality
            } else {
                FailureClass::RevertedAtFinality
            };
            let fail = FailMint { class, evidence: inclusion, finalized_block };
            let (nft, failed) = commands.decide::<Nft, _>(&asked, &id, &fail).await?;
            let give_up = GiveUpTokenisation { network };
            let (cask, given_up) = commands.decide::<Whiskey, _>(&asked, &id, &give_up).await?;
            tracing::error!(mint = id, nonce, class = class.word(), "the mint failed for good");
            return Ok(commit.append(&nft, failed).append(&cask, given_up));
        }
        let cost = Cost {
            gas_used: receipt.gas_used,
            effective_gas_price: receipt.effective_gas_price.to_string(),
        };
        let confirm = ConfirmMint { inclusion, finalized_block, cost };
        let (nft, confirmed) = commands.decide::<Nft, _>(&asked, &id, &confirm).await?;
        let complete = CompleteTokenisation { network };
        let (cask, completed) = commands.decide::<Whiskey, _>(&asked, &id, &complete).await?;
        tracing::info!(mint = id, nonce, "minted");
        Ok(commit.append(&nft, confirmed).append(&cask, completed))
    }
}
