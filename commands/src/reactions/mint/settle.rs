//! The verdict: an attempt stands in a final block, and enough nodes say so. Lane, tokens and casks
//! change in one commit.

use std::collections::HashMap;

use domain::command::Command;
use domain::lane::{Lane, LaneEvent, SettleSlot};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::Numbered;
use crate::error::CommandError;
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
                    let mints = one.0.1.errand.mints();
                    tracing::error!(?mints, %error, "ALARM: a final block does not fit the log");
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
            [((_, slot), _)] if slot.errand.mints().len() == 1 => {
                format!("mint:{}", slot.errand.mints()[0])
            }
            _ => format!("lane:{}", self.id()),
        };
        let asked = self.asked(&correlation);
        let mut commit = self.commands.begin(&asked);
        let mut settled: Vec<LaneEvent> = Vec::new();
        let mut set_free = Vec::new();
        for (numbered, winner) in won {
            let Some(verdict) = verdicts.get(winner) else { continue };
            let settle = SettleSlot {
                nonce: numbered.0,
                winner: winner.clone(),
                block_number: verdict.receipt.block_number,
                block_hash: verdict.receipt.block_hash.clone(),
            };
            settled.extend(settle.decide(&lane.state).map_err(CommandError::refused)?);
            let judged = self.judge(&asked, commit, numbered, winner, verdict).await?;
            commit = judged.commit;
            set_free.extend(judged.set_free.into_iter().map(|mint| (numbered.1.tenant, mint)));
        }
        if settled.is_empty() {
            return Ok(false);
        }
        self.commands.commit(&asked, &(), commit.append(lane, settled)).await?;
        for (tenant, mint) in set_free {
            self.wait_again(tenant, std::iter::once(mint));
        }
        Ok(true)
    }
}
