//! Making a contract: it takes a nonce as a mint does, is signed, sent and followed as that is, and is
//! told of in the commit that settles its slot.

use std::time::Duration;

use domain::command::Command;
use domain::contract::{Contract, RecordDeployed};
use domain::deployment::{
    AssignDeployment, ConfirmDeployment, Deployment, FailDeployment, LoseDeploymentSlot,
};
use domain::id::{DeploymentId, TenantId};
use domain::lane::{AssignNonce, Errand, Lane};
use domain::nft::address::EvmAddress;
use domain::nft::{Cost, FailureClass, Inclusion};
use eventstore::{Commit, Loaded};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::Minter;
use super::lane::LaneWorker;
use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::outside::chain::Spending;
use crate::outside::ethers;
use crate::reactions::ReactionError;

/// How often a deployment that somebody waits for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Minter {
    /// Drives the lanes until this contract is made, or cannot be. `tell` hears of every step.
    pub async fn make(
        &self,
        id: DeploymentId,
        tell: impl Fn(&Deployment),
    ) -> Result<Option<EvmAddress>, ReactionError> {
        let stop = CancellationToken::new();
        let lanes = self.lanes();
        let driven = join_all(lanes.iter().map(|lane| lane.drive(stop.clone())));
        let made = async {
            let made = self.until_made(id, tell).await;
            stop.cancel();
            made
        };
        tokio::join!(made, driven).0
    }

    async fn until_made(
        &self,
        id: DeploymentId,
        tell: impl Fn(&Deployment),
    ) -> Result<Option<EvmAddress>, ReactionError> {
        let mut before = None;
        loop {
            let loaded = self.commands.deployment_state(id).await?;
            if before.as_ref() != Some(&loaded.state) {
                tell(&loaded.state);
                before = Some(loaded.state.clone());
            }
            match &*loaded.state {
                Deployment::Confirmed { address } => return Ok(Some(*address)),
                Deployment::Failed => return Ok(None),
                // This one and no other that may be waiting.
                Deployment::Requested { .. } => {
                    self.networks.iter().for_each(|served| served.waiting.add_deployment(id));
                }
                Deployment::Unrequested | Deployment::Assigned { .. } => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Brings deployments to where they wait for a nonce; `settled` is what need not be read again.
    pub(super) async fn sweep_deployments(&self, settled: &mut i64) -> Result<(), ReactionError> {
        let journal = self.commands.store.journal();
        let begun = journal.streams_with("deployment.requested", *settled).await;
        let begun = begun.map_err(|error| ReactionError::NotYet(error.to_string()))?;
        let (mut unsettled, mut last) = (None, *settled);
        for request in begun {
            last = request.position;
            let Ok(id) = request.aggregate_id.parse::<DeploymentId>() else { continue };
            let loaded = self.commands.deployment_state(id).await?;
            let Some(plan) = loaded.state.plan() else { continue };
            // A slot may yet be lost.
            unsettled = unsettled.or(Some(request.position - 1));
            let served = self.networks.iter().find(|served| {
                let network = &served.network;
                network.may_deploy && network.chain.chain_id() == plan.chain_id
            });
            if let (Deployment::Requested { .. }, Some(served)) = (&*loaded.state, served) {
                served.waiting.add_deployment(id);
            }
        }
        *settled = unsettled.unwrap_or(last);
        Ok(())
    }
}

impl LaneWorker {
    /// Gives the next nonce to a contract that waits; says whether there was one.
    pub(super) async fn assign_deployment(
        &self,
        lane: &Loaded<Lane>,
    ) -> Result<bool, ReactionError> {
        let Some(id) = self.waiting.take_deployment() else { return Ok(false) };
        let loaded = self.commands.deployment_state(id).await?;
        let (Deployment::Requested { .. }, Lane::Open { next_nonce: nonce, .. }) =
            (&*loaded.state, &*lane.state)
        else {
            return Ok(false);
        };
        let fees = self.chain.fees().await.map_err(CommandError::from)?;
        if let Some((_, detail)) = self.obstacle(fees, ethers::DEPLOYMENT_GAS_LIMIT.into()).await? {
            // The sweep brings it again.
            tracing::warn!(deployment = %id, detail, "the contract waits");
            return Ok(false);
        }
        let (tenant, signer, nonce) = (TenantId::PLATFORM, self.signer.address(), *nonce);
        let number = AssignNonce { tenant, errand: Errand::Deployment { deployment: id } };
        let numbered = number.decide(&lane.state).map_err(CommandError::refused)?;
        let address = ethers::made_by(signer, nonce);
        let assign = AssignDeployment { signer, nonce, address };
        let assigned = assign.decide(&loaded.state).map_err(CommandError::refused)?;
        let asked = self.asked(&format!("deployment:{id}"));
        let commit = self.commands.begin(&asked).append(lane, numbered).append(&loaded, assigned);
        self.commands.commit(&asked, &(), commit).await?;
        tracing::info!(lane = self.id(), deployment = %id, nonce, %address, "a contract is made");
        Ok(true)
    }

    pub(super) async fn deployment(&self, id: DeploymentId) -> Result<Spending, ReactionError> {
        let loaded = self.commands.deployment_state(id).await?;
        let Some(plan) = loaded.state.plan().cloned() else {
            return Err(ReactionError::Failed(format!("deployment {id} has a slot and no plan")));
        };
        Ok(Spending::Deployment { name: plan.name, symbol: plan.symbol, admin: plan.admin })
    }

    /// Its nonce was spent by somebody else.
    pub(super) async fn lose_deployment<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        id: DeploymentId,
        nonce: u64,
        finalized_block: u64,
    ) -> Result<Commit<'a>, CommandError> {
        let lose = LoseDeploymentSlot { nonce, finalized_block };
        let (loaded, lost) =
            self.commands.decide::<Deployment, _>(asked, &id.to_string(), &lose).await?;
        Ok(commit.append(&loaded, lost))
    }

    /// The contract is there; or nothing came of it.
    pub(super) async fn settle_deployment<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        deployment: DeploymentId,
        (inclusion, finalized_block): (Inclusion, u64),
        outcome: Result<Cost, FailureClass>,
    ) -> Result<Commit<'a>, CommandError> {
        let id = deployment.to_string();
        let cost = match outcome {
            Ok(cost) => cost,
            Err(class) => {
                tracing::error!(deployment = id, class = class.word(), "no contract was made");
                let fail = FailDeployment { class, evidence: inclusion, finalized_block };
                let (loaded, failed) =
                    self.commands.decide::<Deployment, _>(asked, &id, &fail).await?;
                return Ok(commit.append(&loaded, failed));
            }
        };
        let seen = inclusion.clone();
        let confirm = ConfirmDeployment { inclusion: seen, finalized_block, cost };
        let (loaded, confirmed) =
            self.commands.decide::<Deployment, _>(asked, &id, &confirm).await?;
        let commit = commit.append(&loaded, confirmed);
        let Deployment::Assigned { plan, address } = &*loaded.state else { return Ok(commit) };
        tracing::info!(deployment = id, %address, "the contract is made");
        let made = RecordDeployed { deployment, plan: plan.clone(), inclusion };
        let contract = format!("{}-{address}", self.chain.chain_id());
        let (contract, made) = self.commands.decide::<Contract, _>(asked, &contract, &made).await?;
        Ok(commit.append(&contract, made))
    }
}

impl Commands {
    async fn deployment_state(
        &self,
        id: DeploymentId,
    ) -> Result<Loaded<Deployment>, ReactionError> {
        let loaded = self.store.load_fresh(TenantId::PLATFORM, &id.to_string()).await;
        Ok(loaded.map_err(CommandError::from)?)
    }
}
