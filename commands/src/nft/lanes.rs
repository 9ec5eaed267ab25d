//! The lanes of a network, for operators: who signs there, and whether nonces are given. Signers are
//! configured where minting runs and nowhere else, so the lanes are found in the log: each begins with
//! an event of its own.

use domain::command::Command;
use domain::id::TenantId;
use domain::lane::{Gate, Lane, PauseLane, ResumeLane};
use domain::nft::address::EvmAddress;
use domain::permission::Permission;
use domain::refusal::Kind;
use eventstore::Loaded;
use serde::{Deserialize, Serialize};

use super::MintPolicy;
use super::chains::unreachable_chain;
use crate::error::{CommandError, Dependency};
use crate::execute::{Asked, Commands, Done};

/// A lane with who signs in it.
pub(super) struct OpenedLane {
    pub signer: EvmAddress,
    pub loaded: Loaded<Lane>,
}

/// A lane as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownLane {
    pub signer: String,
    /// open, paused or quarantined.
    pub gate: String,
    /// Nonces that wait for a final block.
    pub open_slots: usize,
}

impl Commands {
    /// Every lane that was opened on a chain, in the order of their opening.
    pub(super) async fn lanes(&self, chain_id: u64) -> Result<Vec<OpenedLane>, CommandError> {
        let begun = self.store.journal().streams_with("lane.opened", -1).await;
        let begun = begun.map_err(|error| {
            tracing::warn!(%error, "lanes are not found");
            CommandError::Unavailable(Dependency::Database)
        })?;
        let mut lanes = Vec::new();
        for lane in begun {
            let Some(signer) = signer_of(chain_id, &lane.aggregate_id) else { continue };
            let loaded = self.store.load_fresh::<Lane>(lane.tenant, &lane.aggregate_id).await?;
            lanes.push(OpenedLane { signer, loaded });
        }
        Ok(lanes)
    }

    /// The lanes of a network as they are now.
    pub async fn shown_lanes(&self, chain_id: u64) -> Result<Vec<ShownLane>, CommandError> {
        let lanes = self.lanes(chain_id).await?;
        let shown = |lane: OpenedLane| {
            let open_slots = lane.loaded.state.open_slots().count();
            shown(lane.signer, lane.loaded.state.gate(), open_slots)
        };
        Ok(lanes.into_iter().map(shown).collect())
    }

    /// No new nonce on this network until it is resumed. What has one is followed.
    pub async fn pause_network(
        &self,
        asked: &Asked,
        policy: &MintPolicy,
        reason: &str,
    ) -> Result<Done<Vec<ShownLane>>, CommandError> {
        must_operate_the_platform(asked)?;
        self.once(asked, || async {
            let lanes = self.opened_lanes(policy).await?;
            let mut commit = self.begin(asked);
            let mut told = Vec::new();
            for lane in lanes {
                let pause = PauseLane { reason: reason.to_owned() };
                let events = pause.decide(&lane.loaded.state).map_err(CommandError::refused)?;
                // One that somebody else's use of the key has shut stays shut.
                let gate = if events.is_empty() { lane.loaded.state.gate() } else { Gate::Paused };
                told.push(shown(lane.signer, gate, lane.loaded.state.open_slots().count()));
                commit = commit.append(&lane.loaded, events);
            }
            self.commit(asked, &told, commit).await
        })
        .await
    }

    /// Nonces are given again, from where the chain is.
    pub async fn resume_network(
        &self,
        asked: &Asked,
        policy: &MintPolicy,
    ) -> Result<Done<Vec<ShownLane>>, CommandError> {
        must_operate_the_platform(asked)?;
        self.once(asked, || async {
            let lanes = self.opened_lanes(policy).await?;
            let chain = &self.chains.of(policy.chain_id)?.chain;
            let mut commit = self.begin(asked);
            let mut told = Vec::new();
            for lane in lanes {
                let chain_nonce = chain.nonce(lane.signer).await.map_err(unreachable_chain)?;
                let resume = ResumeLane { chain_nonce };
                let events = resume.decide(&lane.loaded.state).map_err(CommandError::refused)?;
                told.push(shown(lane.signer, Gate::Open, lane.loaded.state.open_slots().count()));
                commit = commit.append(&lane.loaded, events);
            }
            self.commit(asked, &told, commit).await
        })
        .await
    }

    /// A network without a lane cannot be paused: the first mint would open one that is not.
    async fn opened_lanes(&self, policy: &MintPolicy) -> Result<Vec<OpenedLane>, CommandError> {
        let lanes = self.lanes(policy.chain_id).await?;
        if lanes.is_empty() {
            return Err(CommandError::Refused {
                kind: Kind::IllegalState,
                code: "ILLEGAL_STATE",
                message: "nothing was ever minted on this network".to_owned(),
                state: None,
            });
        }
        Ok(lanes)
    }
}

/// Lanes serve all tenants, so they are for the platform's own operators.
fn must_operate_the_platform(asked: &Asked) -> Result<(), CommandError> {
    asked.must_be_allowed(Permission::OPERATE_MINTS)?;
    if asked.context.tenant() == TenantId::PLATFORM {
        Ok(())
    } else {
        Err(CommandError::Forbidden(Permission::OPERATE_MINTS))
    }
}

/// A lane's id is its chain's and its signer's address.
fn signer_of(chain_id: u64, lane: &str) -> Option<EvmAddress> {
    let (chain, signer) = lane.split_once('-')?;
    let signer = EvmAddress::parse(signer).ok()?;
    (chain == chain_id.to_string()).then_some(signer)
}

fn shown(signer: EvmAddress, gate: Gate, open_slots: usize) -> ShownLane {
    ShownLane { signer: signer.to_string(), gate: gate.name().to_owned(), open_slots }
}
