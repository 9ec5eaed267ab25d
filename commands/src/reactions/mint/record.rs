//! Writing down what is seen of mints before it is final: in a block, or out of it again.

use domain::command::{Command, Root};
use domain::lane::Slot;
use domain::nft::{Inclusion, Nft, RecordInclusion, RecordReorg};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::Numbered;
use super::memory::Memory;
use crate::error::CommandError;
use crate::outside::chain::Receipt;
use crate::reactions::ReactionError;

/// A command for the mint of a slot.
pub(super) struct Change<C> {
    pub nonce: u64,
    pub slot: Slot,
    pub command: C,
}

impl LaneWorker {
    pub async fn record_inclusions(
        &self,
        included: &[(Numbered, String, Receipt)],
        memory: &mut Memory,
    ) -> Result<(), ReactionError> {
        let news = included
            .iter()
            .filter(|((nonce, _), _, receipt)| memory.is_new(*nonce, &receipt.block_hash))
            .map(|((nonce, slot), tx_hash, receipt)| {
                let inclusion = inclusion(tx_hash, receipt);
                Change { nonce: *nonce, slot: slot.clone(), command: RecordInclusion { inclusion } }
            })
            .collect();
        let recorded = self.change_all::<Nft, _>(news).await?;
        for ((nonce, _), _, receipt) in included {
            if recorded.contains(nonce) {
                memory.note(*nonce, &receipt.block_hash);
            }
        }
        Ok(())
    }

    /// If another block stands where a mint was seen, it is back in the pool.
    pub async fn record_reorgs(&self, pending: &[Numbered]) -> Result<(), ReactionError> {
        for (nonce, slot) in pending {
            let nft: Loaded<Nft> = self.load_for(slot).await?;
            let Some(seen) = nft.state.inclusion().cloned() else { continue };
            let now_there = self.chain.block_hash(seen.block_number).await;
            let now_there = now_there.map_err(CommandError::from)?;
            // A chain that is not so long any more has taken it back as well.
            if now_there != Some(seen.block_hash.clone()) {
                let command = RecordReorg { gone: seen };
                let change = Change { nonce: *nonce, slot: slot.clone(), command };
                self.change_all::<Nft, _>(vec![change]).await?;
            }
        }
        Ok(())
    }

    /// The mint of a slot, perhaps as it was a moment ago.
    async fn load_for(&self, slot: &Slot) -> Result<Loaded<Nft>, ReactionError> {
        let loaded = self.commands.store.load::<Nft>(slot.tenant, &slot.mint.to_string()).await;
        Ok(loaded.map_err(CommandError::from)?)
    }

    /// All of it in one commit; each alone where somebody else was faster with one of them. Gives
    /// the nonces of those that are as they should be now.
    pub(super) async fn change_all<A: Root, C: Command<A>>(
        &self,
        changes: Vec<Change<C>>,
    ) -> Result<Vec<u64>, ReactionError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let every: Vec<&Change<C>> = changes.iter().collect();
        match self.change_some::<A, C>(&every).await {
            Err(CommandError::Conflict) => {}
            done => return Ok(done?),
        }
        let mut changed = Vec::new();
        for change in &changes {
            match self.change_some::<A, C>(&[change]).await {
                // It comes again at the next look.
                Err(CommandError::Conflict) => {}
                done => changed.extend(done?),
            }
        }
        Ok(changed)
    }

    async fn change_some<A: Root, C: Command<A>>(
        &self,
        changes: &[&Change<C>],
    ) -> Result<Vec<u64>, CommandError> {
        let correlation = match changes {
            [one] => format!("mint:{}", one.slot.mint),
            _ => format!("lane:{}", self.id()),
        };
        let asked = self.asked(&correlation);
        let mut commit = self.commands.begin(&asked);
        let (mut changed, mut news) = (Vec::new(), false);
        for change in changes {
            let of_tenant = asked.in_tenant(change.slot.tenant);
            let id = change.slot.mint.to_string();
            match self.commands.decide::<A, C>(&of_tenant, &id, &change.command).await {
                Ok((loaded, events)) => {
                    news |= !events.is_empty();
                    commit = commit.append(&loaded, events);
                    changed.push(change.nonce);
                }
                Err(error @ CommandError::Refused { .. }) => {
                    tracing::error!(mint = id, %error, "what the chain says does not fit the log");
                }
                Err(error) => return Err(error),
            }
        }
        if news {
            self.commands.commit(&asked, &(), commit).await?;
        }
        Ok(changed)
    }
}

pub(super) fn inclusion(tx_hash: &str, receipt: &Receipt) -> Inclusion {
    Inclusion {
        tx_hash: tx_hash.to_owned(),
        block_number: receipt.block_number,
        block_hash: receipt.block_hash.clone(),
    }
}
