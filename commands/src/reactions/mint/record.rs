//! Writing down what is seen of mints before it is final: in a block, or out of it again.

use std::collections::{BTreeSet, HashMap};

use domain::command::{Command, Root};
use domain::id::{TenantId, WhiskeyId};
use domain::lane::Slot;
use domain::nft::{Inclusion, Nft, RecordInclusion, RecordReorg};
use eventstore::Loaded;

use super::lane::LaneWorker;
use super::look::Numbered;
use super::memory::Memory;
use crate::error::CommandError;
use crate::outside::chain::Receipt;
use crate::reactions::ReactionError;

/// A command for a mint of a slot.
pub(super) struct Change<C> {
    nonce: u64,
    tenant: TenantId,
    mint: WhiskeyId,
    command: C,
}

/// The same for every mint of a slot.
pub(super) fn for_each_mint<C>(
    nonce: u64,
    slot: &Slot,
    command: impl Fn() -> C,
) -> impl Iterator<Item = Change<C>> {
    let tenant = slot.tenant;
    let mints = slot.errand.mints().iter();
    mints.map(move |mint| Change { nonce, tenant, mint: *mint, command: command() })
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
            .flat_map(|((nonce, slot), tx_hash, receipt)| {
                let record = || RecordInclusion { inclusion: inclusion(tx_hash, receipt) };
                for_each_mint(*nonce, slot, record).collect::<Vec<_>>()
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
        let mut there: HashMap<u64, Option<String>> = HashMap::new();
        let mut gone = Vec::new();
        for (nonce, slot) in pending {
            for mint in slot.errand.mints() {
                let (nonce, tenant, mint) = (*nonce, slot.tenant, *mint);
                let nft: Loaded<Nft> = self.load_mint(tenant, mint).await?;
                let Some(seen) = nft.state.inclusion().cloned() else { continue };
                let number = seen.block_number;
                if let std::collections::hash_map::Entry::Vacant(unknown) = there.entry(number) {
                    let hash = self.chain.block_hash(number).await.map_err(CommandError::from)?;
                    unknown.insert(hash);
                }
                // A chain that is not so long any more has taken it back as well.
                if there.get(&number) != Some(&Some(seen.block_hash.clone())) {
                    gone.push(Change { nonce, tenant, mint, command: RecordReorg { gone: seen } });
                }
            }
        }
        self.change_all::<Nft, _>(gone).await?;
        Ok(())
    }

    /// A mint, perhaps as it was a moment ago.
    async fn load_mint(
        &self,
        tenant: TenantId,
        mint: WhiskeyId,
    ) -> Result<Loaded<Nft>, ReactionError> {
        let loaded = self.commands.store.load::<Nft>(tenant, &mint.to_string()).await;
        Ok(loaded.map_err(CommandError::from)?)
    }

    /// All of it in one commit; each alone where somebody else was faster with one of them. Gives
    /// the nonces of which everything is as it should be now.
    pub(super) async fn change_all<A: Root, C: Command<A>>(
        &self,
        changes: Vec<Change<C>>,
    ) -> Result<BTreeSet<u64>, ReactionError> {
        if changes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let every: Vec<&Change<C>> = changes.iter().collect();
        let undone = match self.change_some::<A, C>(&every).await {
            Err(CommandError::Conflict) => {
                let mut undone = BTreeSet::new();
                for change in &changes {
                    match self.change_some::<A, C>(&[change]).await {
                        // It comes again at the next look.
                        Err(CommandError::Conflict) => undone.extend([change.nonce]),
                        done => undone.extend(done?),
                    }
                }
                undone
            }
            done => done?,
        };
        let nonces = changes.iter().map(|change| change.nonce);
        Ok(nonces.filter(|nonce| !undone.contains(nonce)).collect())
    }

    /// Gives the nonces with something that could not be done.
    async fn change_some<A: Root, C: Command<A>>(
        &self,
        changes: &[&Change<C>],
    ) -> Result<BTreeSet<u64>, CommandError> {
        let correlation = match changes {
            [one] => format!("mint:{}", one.mint),
            _ => format!("lane:{}", self.id()),
        };
        let asked = self.asked(&correlation);
        let mut commit = self.commands.begin(&asked);
        let (mut undone, mut news) = (BTreeSet::new(), false);
        for change in changes {
            let of_tenant = asked.in_tenant(change.tenant);
            let id = change.mint.to_string();
            match self.commands.decide::<A, C>(&of_tenant, &id, &change.command).await {
                Ok((loaded, events)) => {
                    news |= !events.is_empty();
                    commit = commit.append(&loaded, events);
                }
                Err(error @ CommandError::Refused { .. }) => {
                    tracing::error!(mint = id, %error, "what the chain says does not fit the log");
                    undone.insert(change.nonce);
                }
                Err(error) => return Err(error),
            }
        }
        if news {
            self.commands.commit(&asked, &(), commit).await?;
        }
        Ok(undone)
    }
}

pub(super) fn inclusion(tx_hash: &str, receipt: &Receipt) -> Inclusion {
    Inclusion {
        tx_hash: tx_hash.to_owned(),
        block_number: receipt.block_number,
        block_hash: receipt.block_hash.clone(),
    }
}
