//! What a verdict means for the tokens of a slot and for their casks: each is judged by itself.

use std::time::Duration;

use domain::id::WhiskeyId;
use domain::lane::{AttemptKind, Errand, Slot};
use domain::nft::{ConfirmMint, Cost, FailMint, FailureClass, Inclusion, LoseMintSlot, Nft};
use domain::whiskey::{CompleteTokenisation, GiveUpTokenisation, Whiskey};
use eventstore::Commit;
use tokio::time::timeout;

use super::lane::LaneWorker;
use super::look::Numbered;
use super::record::inclusion;
use crate::error::CommandError;
use crate::execute::Asked;
use crate::outside::chain::{Receipt, Verdict};

/// A commit with all that follows from a verdict.
pub(super) struct Judged<'a> {
    pub commit: Commit<'a>,
    /// Whoever shared a nonce that was given up for another's sake.
    pub set_free: Vec<WhiskeyId>,
}

/// What became of a mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Minted(Share),
    Failed(FailureClass),
    /// It waits for another nonce.
    Free,
}

/// How long a verdict waits for the reason.
const REASON_PATIENCE: Duration = Duration::from_secs(2);

/// A mint's part of what its transaction used.
type Share = u64;

impl LaneWorker {
    pub(super) async fn judge<'a>(
        &self,
        asked: &Asked,
        mut commit: Commit<'a>,
        numbered: &Numbered,
        winner: &str,
        verdict: &Verdict,
    ) -> Result<Judged<'a>, CommandError> {
        let (nonce, slot) = numbered;
        let Verdict { receipt, finalized_block } = verdict;
        let mut set_free = Vec::new();
        let outcome = failure(numbered, winner, receipt)
            .map_or_else(|| Ok(cost(receipt, receipt.gas_used)), Err);
        let seen = (inclusion(winner, receipt), *finalized_block);
        match &slot.errand {
            Errand::Mints { .. } | Errand::ApprovedMint { .. } => {}
            Errand::Deployment { deployment } => {
                commit = self.settle_deployment(asked, commit, *deployment, seen, outcome).await?;
                return Ok(Judged { commit, set_free });
            }
            Errand::Anchor { contract, .. } => {
                commit = self.settle_anchor(asked, commit, contract, seen, outcome).await?;
                return Ok(Judged { commit, set_free });
            }
        }
        let fates = fates(numbered, winner, receipt);
        for (mint, fate) in fates {
            let seen = (inclusion(winner, receipt), *finalized_block);
            let of_tenant = asked.in_tenant(slot.tenant);
            commit = match fate {
                Fate::Minted(gas_used) => {
                    tracing::info!(%mint, nonce, "minted");
                    self.confirm(&of_tenant, commit, mint, seen, cost(receipt, gas_used)).await?
                }
                Fate::Failed(class) => {
                    let reason = self.reason(slot, winner, receipt).await;
                    let (why, class_word) = (reason.as_deref(), class.word());
                    tracing::error!(%mint, nonce, class = class_word, why, "the mint failed for good");
                    self.fail(&of_tenant, commit, mint, seen, (class, reason)).await?
                }
                Fate::Free => {
                    set_free.push(mint);
                    let (nonce, finalized_block) = (*nonce, *finalized_block);
                    let loss =
                        LoseMintSlot { nonce, reverted: !receipt.succeeded, finalized_block };
                    self.set_free(asked, commit, slot.tenant, mint, loss).await?
                }
            };
        }
        Ok(Judged { commit, set_free })
    }

    async fn confirm<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        mint: WhiskeyId,
        (inclusion, finalized_block): (Inclusion, u64),
        cost: Cost,
    ) -> Result<Commit<'a>, CommandError> {
        let (id, network) = (mint.to_string(), self.chain.network().to_owned());
        let confirm = ConfirmMint { inclusion, finalized_block, cost };
        let (nft, confirmed) = self.commands.decide::<Nft, _>(asked, &id, &confirm).await?;
        let complete = CompleteTokenisation { network };
        let (cask, completed) = self.commands.decide::<Whiskey, _>(asked, &id, &complete).await?;
        Ok(commit.append(&nft, confirmed).append(&cask, completed))
    }

    async fn fail<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        mint: WhiskeyId,
        (evidence, finalized_block): (Inclusion, u64),
        (class, reason): (FailureClass, Option<String>),
    ) -> Result<Commit<'a>, CommandError> {
        let (id, network) = (mint.to_string(), self.chain.network().to_owned());
        let fail = FailMint { class, reason, evidence, finalized_block };
        let (nft, failed) = self.commands.decide::<Nft, _>(asked, &id, &fail).await?;
        let give_up = GiveUpTokenisation { network };
        let (cask, given_up) = self.commands.decide::<Whiskey, _>(asked, &id, &give_up).await?;
        Ok(commit.append(&nft, failed).append(&cask, given_up))
    }

    /// Why the winner reverted, as far as a node can still tell. A verdict does not wait long for it.
    async fn reason(&self, slot: &Slot, winner: &str, receipt: &Receipt) -> Option<String> {
        if receipt.succeeded {
            return None;
        }
        let won = slot.attempts.iter().find(|attempt| attempt.tx_hash == winner)?;
        let signer = self.signer.address();
        let asking = self.chain.revert_reason(signer, &won.raw, receipt.block_number);
        match timeout(REASON_PATIENCE, asking).await {
            Ok(Ok(reason)) => reason,
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(winner, "nobody tells why it reverted");
                None
            }
        }
    }
}

/// Why nothing came of what a nonce was for, by the receipt of the attempt that won it.
fn failure((_, slot): &Numbered, winner: &str, receipt: &Receipt) -> Option<FailureClass> {
    let won = slot.attempts.iter().find(|attempt| attempt.tx_hash == winner);
    if won.is_some_and(|attempt| attempt.kind == AttemptKind::Cancel) {
        return Some(FailureClass::CancelledAtFinality);
    }
    (!receipt.succeeded).then_some(FailureClass::RevertedAtFinality)
}

fn cost(receipt: &Receipt, gas_used: u64) -> Cost {
    Cost { gas_used, effective_gas_price: receipt.effective_gas_price.to_string() }
}

/// What became of each mint.
fn fates(numbered: &Numbered, winner: &str, receipt: &Receipt) -> Vec<(WhiskeyId, Fate)> {
    let (_, slot) = numbered;
    let mints = slot.errand.mints();
    let failure = failure(numbered, winner, receipt);
    let minted = mints.iter().filter(|mint| !receipt.skipped.contains(mint)).count();
    let mut shares = shares(receipt.gas_used, minted);
    let fate = |mint: &WhiskeyId| match failure {
        Some(FailureClass::CancelledAtFinality) if !slot.given_up.contains(mint) => Fate::Free,
        // Which of them it was because of, each shows by itself; but for those that were given up.
        Some(FailureClass::RevertedAtFinality)
            if mints.len() > 1 && !slot.given_up.contains(mint) =>
        {
            Fate::Free
        }
        Some(class) => Fate::Failed(class),
        None if receipt.skipped.contains(mint) => Fate::Failed(FailureClass::SkippedAtFinality),
        None => Fate::Minted(shares.next().unwrap_or_default()),
    };
    let fates = mints.iter().map(fate);
    mints.iter().copied().zip(fates.collect::<Vec<_>>()).collect()
}

/// What a transaction used, among so many. Together it is what it used.
fn shares(gas_used: u64, among: usize) -> impl Iterator<Item = Share> {
    let among = u64::try_from(among).unwrap_or(u64::MAX).max(1);
    let (each, rest) = (gas_used / among, gas_used % among);
    (0..among).map(move |place| each + u64::from(place < rest))
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;
    use domain::id::TenantId;
    use domain::lane::{Attempt, Lane, LaneEvent};
    use proptest::prelude::*;

    use super::*;

    fn mint(number: i64) -> WhiskeyId {
        WhiskeyId::new(number)
    }

    fn attempt(kind: AttemptKind, tx_hash: &str) -> Attempt {
        Attempt {
            kind,
            tx_hash: tx_hash.to_owned(),
            raw: "0x".to_owned(),
            max_fee_per_gas: "1".to_owned(),
            max_priority_fee_per_gas: "1".to_owned(),
            gas_limit: 21_000,
        }
    }

    /// Three mints together; the second is given up.
    fn slot() -> Numbered {
        let mut lane = Lane::default();
        let (network, signer) = ("development".to_owned(), "0xf3".to_owned());
        for event in [
            LaneEvent::LaneOpened { network, chain_id: 31_337, signer, base_nonce: 3 },
            LaneEvent::NonceAssigned {
                nonce: 3,
                tenant: TenantId::PLATFORM,
                errand: Errand::Mints { mints: vec![mint(7), mint(8), mint(9)] },
            },
            LaneEvent::AttemptSigned { nonce: 3, attempt: attempt(AttemptKind::Mint, "0xaa") },
            LaneEvent::CancelRequested { nonce: 3, mint: Some(mint(8)) },
            LaneEvent::AttemptSigned { nonce: 3, attempt: attempt(AttemptKind::Cancel, "0xcc") },
        ] {
            lane.apply(event);
        }
        let (nonce, slot) = lane.open_slots().next().unwrap();
        (nonce, slot.clone())
    }

    fn receipt(succeeded: bool, skipped: Vec<WhiskeyId>) -> Receipt {
        Receipt {
            block_number: 9,
            block_hash: "0xb9".to_owned(),
            succeeded,
            gas_used: 100_001,
            effective_gas_price: 1,
            skipped,
        }
    }

    fn fates_of(winner: &str, receipt: &Receipt) -> Vec<Fate> {
        fates(&slot(), winner, receipt).into_iter().map(|(_, fate)| fate).collect()
    }

    #[test]
    fn who_was_faster_than_the_cancel_is_minted() {
        let minted = [Fate::Minted(33_334), Fate::Minted(33_334), Fate::Minted(33_333)];
        assert_eq!(fates_of("0xaa", &receipt(true, vec![])), minted);
    }

    #[test]
    fn of_a_cancelled_nonce_only_the_one_that_was_given_up_fails() {
        let cancelled = Fate::Failed(FailureClass::CancelledAtFinality);
        assert_eq!(fates_of("0xcc", &receipt(true, vec![])), [Fate::Free, cancelled, Fate::Free]);
    }

    #[test]
    fn a_token_that_was_there_is_not_ours() {
        let skipped = Fate::Failed(FailureClass::SkippedAtFinality);
        let fates = fates_of("0xaa", &receipt(true, vec![mint(9)]));
        assert_eq!(fates, [Fate::Minted(50_001), Fate::Minted(50_000), skipped]);
    }

    #[test]
    fn what_reverts_together_is_tried_alone_and_fails_alone() {
        let reverted = Fate::Failed(FailureClass::RevertedAtFinality);
        let fates_of_all = fates_of("0xaa", &receipt(false, vec![]));
        assert_eq!(fates_of_all, [Fate::Free, reverted, Fate::Free]);
        let (nonce, mut slot) = slot();
        slot.errand = Errand::Mints { mints: vec![mint(7)] };
        let fates = fates(&(nonce, slot), "0xaa", &receipt(false, vec![]));
        assert_eq!(fates, [(mint(7), Fate::Failed(FailureClass::RevertedAtFinality))]);
    }

    proptest! {
        #[test]
        fn shares_are_even_and_nothing_is_lost(gas in any::<u64>(), among in 1..101_usize) {
            let shares: Vec<Share> = shares(gas, among).collect();
            prop_assert_eq!(shares.len(), among);
            prop_assert_eq!(shares.iter().map(|it| u128::from(*it)).sum::<u128>(), u128::from(gas));
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
