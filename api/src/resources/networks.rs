//! The networks tokens are minted on: how they stand, what gas costs there, and stopping them.

use std::time::Duration;

use commands::Commands;
use commands::nft::{MintPolicy, ShownLane};
use commands::outside::chain::{FeeStyle, Heads};
use domain::permission::{Actor, Permission};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use tokio::time::timeout;

use super::Tag;
use super::mints::StandstillBody;
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::Body;
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;

/// How long a list waits for a network that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Networks {
    pub commands: Commands,
}

/// A network tokens can be asked for on.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Network {
    name: String,
    /// EIP-155.
    chain_id: u64,
    contract: String,
    /// The one for tenants that want each approval proven (`provenMints`); null where they cannot.
    proven_contract: Option<String>,
    /// For whoever names no network.
    default: bool,
    /// dynamic (EIP-1559) or legacy (one gas price); null where no node is configured.
    fee_style: Option<String>,
    /// finalized: verdicts come from the blocks the network itself calls final.
    finality: String,
    /// null: it cannot be reached.
    latest_block: Option<u64>,
    final_block: Option<u64>,
    /// Who signs there; for operators.
    lanes: Option<Vec<Lane>>,
}

/// The nonces of one signer.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Lane {
    signer: String,
    /// open, paused or quarantined.
    gate: String,
    /// How many nonces wait for a final block.
    open_slots: u64,
}

/// What minting offers per gas, in wei, decimal.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct GasPrice {
    network: String,
    /// dynamic or legacy.
    fee_style: String,
    /// What the network burns; null where it has one price.
    base: Option<String>,
    /// What whoever makes the block gets.
    tip: String,
    max_fee: String,
    /// No transaction offers more.
    cap: String,
    /// How old the quote is, in milliseconds.
    age_ms: u64,
}

impl From<ShownLane> for Lane {
    fn from(lane: ShownLane) -> Self {
        let open_slots = u64::try_from(lane.open_slots).unwrap_or(u64::MAX);
        Self { signer: lane.signer, gate: lane.gate, open_slots }
    }
}

fn word(style: FeeStyle) -> String {
    match style {
        FeeStyle::Dynamic => "dynamic".to_owned(),
        FeeStyle::Legacy => "legacy".to_owned(),
    }
}

#[OpenApi(tag = "Tag::Blockchain")]
impl Networks {
    /// The networks, and how far they are
    #[oai(path = "/blockchain/networks", method = "get", operation_id = "networks")]
    async fn networks(&self, caller: Caller) -> Result<Found<Vec<Network>>, Problem> {
        must_be_allowed(&caller.0, Permission::READ_WHISKEY)?;
        let policies = self.commands.mint_policies.all();
        let shown = policies.iter().enumerate().map(|(at, policy)| {
            let actor = &caller.0;
            async move { self.shown(policy, at == 0, actor).await }
        });
        Ok(Found::new(futures::future::try_join_all(shown).await?))
    }

    /// What gas costs
    ///
    /// Our own quote, asked of the network every few seconds. 503 where there is none younger than half
    /// a minute.
    #[oai(path = "/blockchain/gas-price", method = "get", operation_id = "gas_price")]
    async fn gas_price(
        &self,
        caller: Caller,
        /// By name; the default one if left out.
        network: Query<Option<String>>,
    ) -> Result<Found<GasPrice>, Problem> {
        must_be_allowed(&caller.0, Permission::READ_WHISKEY)?;
        let policy = self.commands.mint_policy(network.0.as_deref())?;
        let quote = self.commands.chains.of(policy.chain_id)?.gas_price().await?;
        Ok(Found::new(GasPrice {
            network: policy.network.clone(),
            fee_style: word(quote.fees.style),
            base: quote.base().map(|base| base.to_string()),
            tip: quote.fees.max_priority_fee_per_gas.to_string(),
            max_fee: quote.fees.max_fee_per_gas.to_string(),
            cap: quote.cap.to_string(),
            age_ms: u64::try_from(quote.age.as_millis()).unwrap_or(u64::MAX),
        }))
    }

    /// Give no nonces on a network
    ///
    /// For the platform's own operators. What has a nonce is followed.
    #[oai(
        path = "/blockchain/networks/:name/pause",
        method = "post",
        operation_id = "pause_network"
    )]
    async fn pause_network(
        &self,
        caller: Caller,
        name: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<StandstillBody>,
    ) -> Result<Found<Vec<Lane>>, Problem> {
        let policy = self.named(&name.0)?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.pause_network(&asked, policy, &body.value).await?;
        let lanes = done.answer.iter().cloned().map(Lane::from).collect();
        Ok(Found::new(lanes).done(&done))
    }

    /// Give nonces again, from where the chain is
    #[oai(
        path = "/blockchain/networks/:name/resume",
        method = "post",
        operation_id = "resume_network"
    )]
    async fn resume_network(
        &self,
        caller: Caller,
        name: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Found<Vec<Lane>>, Problem> {
        let policy = self.named(&name.0)?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let request = format!("resume {}", policy.network).into_bytes();
        let asked = asking::asked(caller.0, headers, request)?;
        let done = self.commands.resume_network(&asked, policy).await?;
        let lanes = done.answer.iter().cloned().map(Lane::from).collect();
        Ok(Found::new(lanes).done(&done))
    }
}

impl Networks {
    fn named(&self, name: &str) -> Result<&MintPolicy, Problem> {
        let policy = self.commands.mint_policies.of(Some(name));
        policy.ok_or_else(|| Problem::new(ErrorCode::NotFound))
    }

    async fn shown(
        &self,
        policy: &MintPolicy,
        default: bool,
        actor: &Actor,
    ) -> Result<Network, Problem> {
        let heads = self.heads(policy).await;
        let lanes = match actor.may(Permission::OPERATE_MINTS) {
            true => Some(self.commands.shown_lanes(policy.chain_id).await?),
            false => None,
        };
        let asked = self.commands.chains.of(policy.chain_id).ok();
        Ok(Network {
            name: policy.network.clone(),
            chain_id: policy.chain_id,
            contract: policy.contract.to_string(),
            proven_contract: policy.proven_contract.map(|contract| contract.to_string()),
            default,
            fee_style: asked.map(|asked| word(asked.chain.fee_style())),
            finality: "finalized".to_owned(),
            latest_block: heads.map(|heads| heads.latest),
            final_block: heads.map(|heads| heads.finalized),
            lanes: lanes.map(|lanes| lanes.into_iter().map(Lane::from).collect()),
        })
    }

    async fn heads(&self, policy: &MintPolicy) -> Option<Heads> {
        let chain = &self.commands.chains.of(policy.chain_id).ok()?.chain;
        timeout(PATIENCE, chain.heads()).await.ok()?.ok()
    }
}
