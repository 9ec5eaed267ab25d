//! Keeping the ledger's head at the contract, by schedule: it takes a nonce as a mint does. Whoever
//! rewrites the log, or shows two of them, can anchor one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::command::Command;
use domain::contract::{
    Anchor, AssignAnchor, ConfirmAnchor, Contract, ContractEvent, FailAnchor, LoseAnchorSlot,
};
use domain::id::TenantId;
use domain::lane::{AssignNonce, Errand, Lane};
use domain::nft::address::EvmAddress;
use domain::nft::{Cost, FailureClass, Inclusion};
use eventstore::ledger::checkpoint::Checkpoint;
use eventstore::ledger::read::{LedgerError, Which};
use eventstore::{Commit, Loaded, Recorded};

use super::lane::LaneWorker;
use crate::error::{CommandError, Dependency};
use crate::execute::Asked;
use crate::outside::chain::Spending;
use crate::outside::ethers;
use crate::reactions::ReactionError;

/// How often it is looked whether a head is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// On Ethereum, after twice the time a block takes to be final.
const OVERDUE_BLOCKS: u32 = 130;
/// What anchoring itself writes; nothing else happens to these aggregates without another.
const OWN: [&str; 2] = ["contract", "lane"];

/// The heads of one contract; the lanes that keep them share it.
pub(super) struct Anchoring {
    pub contract: EvmAddress,
    pub every: Duration,
    looked: Mutex<Option<Instant>>,
}

impl Anchoring {
    pub fn new(contract: EvmAddress, every: Duration) -> Self {
        Self { contract, every, looked: Mutex::default() }
    }

    /// Whether it is time to look. One of the lanes is told so.
    fn is_time(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = looked.is_none_or(|then| then.elapsed() >= LOOK_EVERY);
        if is_time {
            *looked = Some(Instant::now());
        }
        is_time
    }
}

impl LaneWorker {
    /// Gives the next nonce to the ledger's head, if one is due; says whether it was.
    pub(super) async fn anchor(&self, lane: &Loaded<Lane>) -> Result<bool, ReactionError> {
        for anchoring in self.anchorings.iter().filter(|it| it.is_time()) {
            if self.anchor_at(anchoring, lane).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn anchor_at(
        &self,
        anchoring: &Anchoring,
        lane: &Loaded<Lane>,
    ) -> Result<bool, ReactionError> {
        let id = format!("{}-{}", self.chain.chain_id(), anchoring.contract);
        let contract = self.contract(&id).await?;
        if contract.state.anchoring().is_some() {
            self.look_after_the_last(&id).await?;
            return Ok(false);
        }
        if !self.is_due(anchoring, &id).await? {
            return Ok(false);
        }
        let Some(anchor) = self.next_anchor(anchoring, &id).await? else { return Ok(false) };
        let fees = self.chain.fees().await.map_err(CommandError::from)?;
        if let Some((_, detail)) = self.obstacle(fees, ethers::ANCHOR_GAS_LIMIT.into()).await? {
            tracing::warn!(lane = self.id(), detail, "the ledger's head waits to be anchored");
            return Ok(false);
        }
        self.commit_anchor(lane, &contract, anchor).await
    }

    /// One at a time: a head whose account is not configured any more keeps all others back.
    async fn look_after_the_last(&self, id: &str) -> Result<(), ReactionError> {
        let Some(last) = self.last_anchor(id).await? else { return Ok(()) };
        let assigned = last.event::<Contract>();
        let assigned = assigned.map_err(|error| ReactionError::Failed(error.to_string()))?;
        let Some(ContractEvent::AnchorAssigned { signer, nonce, .. }) = assigned else {
            return Ok(());
        };
        let now = self.commands.store.clock().now();
        let overdue = last.recorded_at.plus(self.chain.block_time() * OVERDUE_BLOCKS) <= now;
        if overdue && signer != self.signer.address() {
            tracing::error!(
                contract = id,
                %signer,
                nonce,
                "ALARM: no head is anchored until this account's is settled; is its key configured?"
            );
        }
        Ok(())
    }

    async fn last_anchor(&self, id: &str) -> Result<Option<Recorded>, ReactionError> {
        let journal = self.commands.store.journal();
        let last = journal.last("contract", id, "contract.anchor_assigned").await;
        last.map_err(|error| ReactionError::NotYet(error.to_string()))
    }

    /// Whether the last one is long enough ago.
    async fn is_due(&self, anchoring: &Anchoring, id: &str) -> Result<bool, ReactionError> {
        let last = self.last_anchor(id).await?;
        let now = self.commands.store.clock().now();
        Ok(last.is_none_or(|last| last.recorded_at.plus(anchoring.every) <= now))
    }

    /// The head to keep next: none if there is nothing new, or if the contract does not take it.
    async fn next_anchor(
        &self,
        anchoring: &Anchoring,
        id: &str,
    ) -> Result<Option<Anchor>, ReactionError> {
        let (ledger, contract) = (&self.ledger, &anchoring.contract);
        let Some(head) = ledger.head(Which::Newest).await.map_err(unread)? else { return Ok(None) };
        let Ok(Checkpoint { size, root, .. }) = Checkpoint::parse(&head.note.text) else {
            return Err(ReactionError::Failed("the signed head is no checkpoint".to_owned()));
        };
        let (before, there) = self.chain.anchored(*contract).await.map_err(CommandError::from)?;
        // The contract would refuse it, and does not have to be paid for that.
        if before > size || (before > 0 && ledger.root(before).await.map_err(unread)? != there) {
            tracing::error!(
                contract = id,
                before,
                size,
                "ALARM: another history of the log is anchored; nothing is anchored any more"
            );
            return Ok(None);
        }
        let from = i64::try_from(before).unwrap_or(i64::MAX);
        let news = self.commands.store.journal().has_others_than(&OWN, from).await;
        if !news.map_err(|error| ReactionError::NotYet(error.to_string()))? {
            tracing::debug!(contract = id, "nothing to anchor: only anchoring itself has written");
            return Ok(None);
        }
        let allowed = self.chain.may_anchor(*contract, self.signer.address()).await;
        if !allowed.map_err(CommandError::from)? {
            tracing::warn!(contract = id, lane = self.id(), "the signer lacks ANCHOR_ROLE");
            return Ok(None);
        }
        let may_mint = self.chain.may_mint(*contract, self.signer.address()).await;
        let both = !self.mints && may_mint.map_err(CommandError::from)?;
        if both {
            tracing::error!(
                contract = id,
                lane = self.id(),
                "ALARM: the account that anchors has MINTER_ROLE: its key alone can prove what it likes"
            );
        }
        Ok((size > before).then(|| Anchor { size, root: hex::encode(root), before }))
    }

    async fn commit_anchor(
        &self,
        lane: &Loaded<Lane>,
        contract: &Loaded<Contract>,
        anchor: Anchor,
    ) -> Result<bool, ReactionError> {
        let Lane::Open { next_nonce: nonce, .. } = &*lane.state else { return Ok(false) };
        let (signer, nonce, size) = (self.signer.address(), *nonce, anchor.size);
        let errand = Errand::Anchor { contract: contract.id.clone(), size };
        let number = AssignNonce { tenant: TenantId::PLATFORM, errand };
        let numbered = number.decide(&lane.state).map_err(CommandError::refused)?;
        let assign = AssignAnchor { anchor, signer, nonce };
        let assigned = assign.decide(&contract.state).map_err(CommandError::refused)?;
        let asked = self.asked(&format!("anchor:{size}"));
        let commit = self.commands.begin(&asked).append(lane, numbered).append(contract, assigned);
        self.commands.commit(&asked, &(), commit).await?;
        tracing::info!(lane = self.id(), nonce, size, "the ledger's head is anchored");
        Ok(true)
    }

    /// Whether heads are given to this contract here.
    pub(super) fn anchors_at(&self, contract: &str) -> bool {
        self.anchoring(contract).is_some()
    }

    fn anchoring(&self, contract: &str) -> Option<&Anchoring> {
        let at = |it: &&Anchoring| format!("{}-{}", self.chain.chain_id(), it.contract) == contract;
        self.anchorings.iter().find(at)
    }

    /// The same bytes whenever they are asked for: the tree only grows.
    pub(super) async fn anchor_of(&self, id: &str) -> Result<Spending, ReactionError> {
        let broken = |reason: &str| ReactionError::Failed(format!("{id} {reason}"));
        let anchoring = self.anchoring(id).ok_or_else(|| {
            ReactionError::NotYet(format!("{id} has a slot for an anchor, and none are made here"))
        })?;
        let contract = self.contract(id).await?;
        let anchor = contract.state.anchoring().ok_or_else(|| broken("anchors nothing"))?;
        let Anchor { size, before, .. } = *anchor;
        let mut root = [0; 32];
        hex::decode_to_slice(&anchor.root, &mut root).map_err(|_| broken("anchors no root"))?;
        let proof = match before {
            0 => Vec::new(),
            before => self.ledger.consistency(before, size).await.map_err(unread)?,
        };
        let contract = anchoring.contract;
        Ok(Spending::Anchor { contract, size, root, proof })
    }

    pub(super) async fn lose_anchor<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        id: &str,
        nonce: u64,
        finalized_block: u64,
    ) -> Result<Commit<'a>, CommandError> {
        let lose = LoseAnchorSlot { nonce, finalized_block };
        let (contract, lost) = self.commands.decide::<Contract, _>(asked, id, &lose).await?;
        Ok(commit.append(&contract, lost))
    }

    pub(super) async fn settle_anchor<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        id: &str,
        (inclusion, finalized_block): (Inclusion, u64),
        outcome: Result<Cost, FailureClass>,
    ) -> Result<Commit<'a>, CommandError> {
        let (contract, settled) = match outcome {
            Ok(cost) => {
                let confirm = ConfirmAnchor { inclusion, finalized_block, cost };
                self.commands.decide::<Contract, _>(asked, id, &confirm).await?
            }
            Err(class) => {
                tracing::error!(contract = id, class = class.word(), "ALARM: a head is not taken");
                let fail = FailAnchor { class, evidence: inclusion, finalized_block };
                self.commands.decide::<Contract, _>(asked, id, &fail).await?
            }
        };
        Ok(commit.append(&contract, settled))
    }

    pub(super) async fn contract(&self, id: &str) -> Result<Loaded<Contract>, ReactionError> {
        let loaded = self.commands.store.load_fresh::<Contract>(TenantId::PLATFORM, id).await;
        Ok(loaded.map_err(CommandError::from)?)
    }
}

pub(super) fn unread(error: LedgerError) -> ReactionError {
    tracing::warn!(%error, "the ledger is not read");
    CommandError::Unavailable(Dependency::Database).into()
}
