//! `caskchain contract reconcile`: the contract's own account of its tokens beside the log's, also of a log
//! that was lost; and taking into the log what it waits for and the chain has.

use std::collections::{BTreeMap, BTreeSet};

use commands::nft::reconcile::{OnChain, Verdict, tokens, unseen};
use commands::outside::chain::{Chain, Transfer};
use commands::outside::evm_network::EvmNetwork;
use commands::unixfs::raw_cid;
use commands::{Asked, Commands};
use domain::contract::Contract;
use domain::id::{TenantId, WhiskeyId};
use domain::nft::Nft;
use domain::nft::address::EvmAddress;
use eventstore::{Context, Loaded};
use serde_json::{Value, json};

use crate::config::Config;
use crate::networks::minting_contract;
use crate::read_models::Output;
use crate::wiring::{Platform, StartError};

/// Blocks in one question, and tokens: nodes refuse more.
const BLOCKS_AT_ONCE: u64 = 1_000;
const TOKENS_AT_ONCE: usize = 100;
/// How often somebody who waits is told, in questions.
const TOLD_EVERY: u64 = 100;

#[derive(clap::Args)]
pub struct Arguments {
    /// The network by name; the configured one if left out.
    #[arg(long)]
    network: Option<String>,
    /// The block the contract was made in, or any before it.
    #[arg(long, default_value = "0")]
    from_block: u64,
    /// Take tokens that the log waits for (HELD, already_on_chain) if they stand for the same document,
    /// with everything that happened to them since.
    #[arg(long)]
    adopt: bool,
    #[arg(long, default_value = "text")]
    output: Output,
}

/// A token as both have it.
struct Line {
    token: WhiskeyId,
    on_chain: Option<OnChain>,
    digest: [u8; 32],
    nft: Loaded<Nft>,
    verdict: Verdict,
}

struct Reconciliation<'a> {
    platform: &'a Platform,
    network: &'a EvmNetwork,
    contract: EvmAddress,
    finalized: u64,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<bool, StartError> {
    let (network, contract) = minting_contract(config, arguments.network.as_deref())?;
    let platform = Platform::start(config, &[]).await?;
    let outcome = reconcile(&platform, &network, contract, arguments).await;
    platform.stop().await;
    outcome
}

async fn reconcile(
    platform: &Platform,
    network: &EvmNetwork,
    contract: EvmAddress,
    arguments: &Arguments,
) -> Result<bool, StartError> {
    let finalized = network.heads().await.map_err(StartError::of)?.finalized;
    let of = Reconciliation { platform, network, contract, finalized };
    let lines = of.lines(arguments.from_block).await?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut well = true;
    for line in &lines {
        let adopted = arguments.adopt && line.verdict == Verdict::Adoptable;
        if adopted {
            of.adopt(line).await?;
        }
        well &= adopted || line.verdict.is_well();
        let word = if adopted { "adopted" } else { line.verdict.word() };
        *counts.entry(word).or_default() += 1;
        println!("{}", line.told(word, arguments.output));
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let (tokens, counts) = (lines.len(), counts.join(", "));
    eprintln!("{tokens} tokens of {contract} up to block {finalized}: {counts}");
    Ok(well)
}

impl Reconciliation<'_> {
    /// Every token that one of the two knows.
    async fn lines(&self, from_block: u64) -> Result<Vec<Line>, StartError> {
        // First what the log says, so that what comes meanwhile is on the chain as well.
        let told = self.told().await?;
        let on_chain = tokens(self.transfers(from_block).await?);
        let followed = self.followed().await?;
        let all: BTreeSet<WhiskeyId> = told.iter().chain(on_chain.keys()).copied().collect();
        let all: Vec<WhiskeyId> = all.into_iter().collect();
        let mut lines = Vec::with_capacity(all.len());
        for some in all.chunks(TOKENS_AT_ONCE) {
            let digests = self.network.digests(self.contract, some).await;
            for (token, digest) in some.iter().zip(digests.map_err(StartError::of)?) {
                let (token, on_chain) = (*token, on_chain.get(token).cloned());
                let nft = self.nft(token).await?;
                let verdict = on_chain.as_ref().map_or(unseen(digest), |on_chain| {
                    on_chain.beside(&nft.state, digest, followed)
                });
                lines.push(Line { token, on_chain, digest, nft, verdict });
            }
        }
        Ok(lines)
    }

    /// The tokens of the contract that the log says exist.
    async fn told(&self) -> Result<Vec<WhiskeyId>, StartError> {
        let mut told = Vec::new();
        for kind in ["nft.mint_confirmed", "nft.mint_adopted"] {
            let of_log = self.platform.journal.streams_with(kind, -1).await;
            for begun in of_log.map_err(StartError::of)? {
                let token = begun.aggregate_id.parse().map_err(StartError::of)?;
                let nft = self.nft(token).await?;
                let is_here = |order: &domain::nft::Order| {
                    (order.chain_id, order.contract) == (self.network.chain_id(), self.contract)
                };
                if nft.state.order().is_some_and(is_here) {
                    told.push(token);
                }
            }
        }
        Ok(told)
    }

    async fn transfers(&self, from_block: u64) -> Result<Vec<Transfer>, StartError> {
        let (mut from, mut asked, mut all) = (from_block, 0_u64, Vec::new());
        while from <= self.finalized {
            let to = self.finalized.min(from.saturating_add(BLOCKS_AT_ONCE - 1));
            let some = self.network.transfers(self.contract, from, to).await;
            all.extend(some.map_err(StartError::of)?);
            asked += 1;
            if asked.is_multiple_of(TOLD_EVERY) {
                eprintln!("block {to} of {}, {} movements", self.finalized, all.len());
            }
            from = to + 1;
        }
        Ok(all)
    }

    /// The last block whose movements are in the log.
    async fn followed(&self) -> Result<Option<u64>, StartError> {
        let id = format!("{}-{}", self.network.chain_id(), self.contract);
        let store = &self.platform.commands.store;
        let loaded = store.load_fresh::<Contract>(TenantId::PLATFORM, &id).await;
        Ok(loaded.map_err(StartError::of)?.state.next_block().checked_sub(1))
    }

    /// As whoever's it is; nobody asked for one that is in no tenant.
    async fn nft(&self, token: WhiskeyId) -> Result<Loaded<Nft>, StartError> {
        let id = token.to_string();
        let tenant = self.platform.journal.tenant_of("nft", &id).await.map_err(StartError::of)?;
        let tenant = tenant.unwrap_or(TenantId::PLATFORM);
        let loaded = self.platform.commands.store.load_fresh::<Nft>(tenant, &id).await;
        loaded.map_err(StartError::of)
    }

    async fn adopt(&self, line: &Line) -> Result<(), StartError> {
        let Some(on_chain) = &line.on_chain else { return Ok(()) };
        let adoption = on_chain.adoption(line.digest, self.finalized);
        let Some(adoption) = adoption else { return Ok(()) };
        let (commands, asked) = (&self.platform.commands, operator(line.nft.tenant, line.token));
        commands.adopt_mint(&asked, line.token, &adoption).await.map_err(StartError::of)?;
        record_moves(commands, &asked, &on_chain.moves).await
    }
}

async fn record_moves(
    commands: &Commands,
    asked: &Asked,
    moves: &[Transfer],
) -> Result<(), StartError> {
    for moved in moves {
        commands.record_transfer(asked, moved.clone()).await.map_err(StartError::of)?;
    }
    Ok(())
}

fn operator(tenant: TenantId, token: WhiskeyId) -> Asked {
    Asked::by(Context::system(tenant, "operator", &format!("mint:{token}"), "reconcile"))
}

impl Line {
    fn told(&self, verdict: &str, output: Output) -> String {
        match output {
            Output::Json => self.json(verdict).to_string(),
            Output::Text => {
                let log = self.nft.state.name();
                let on_chain = self.on_chain.as_ref();
                let holder = on_chain.and_then(|on_chain| on_chain.holder);
                let holder = holder.map_or("nobody".to_owned(), |holder| holder.to_string());
                format!("{} {verdict}: held by {holder}, in the log {log}", self.token)
            }
        }
    }

    /// The whole picture of a token, enough to begin again from.
    fn json(&self, verdict: &str) -> Value {
        let on_chain = self.on_chain.as_ref().map(|on_chain| {
            let minted = on_chain.mints.first();
            json!({
                "holder": on_chain.holder.map(|holder| holder.to_string()),
                "recipient": on_chain.recipient.to_string(),
                "mintedBy": minted.map(|at| &at.tx_hash),
                "blockNumber": minted.map(|at| at.block_number),
                "movements": on_chain.moves.len(),
                "metadataCid": raw_cid(&self.digest).to_string(),
            })
        });
        json!({
            "tokenId": self.token.to_string(),
            "verdict": verdict,
            "log": self.nft.state.name(),
            "onChain": on_chain,
        })
    }
}
