//! `caskchain contract reconcile`: the contract's own account of its tokens beside the log's, also of a log
//! that was lost; and taking into the log what it waits for and the chain has.

use std::collections::{BTreeMap, BTreeSet};

use commands::Asked;
use commands::nft::reconcile::{OnChain, Read, Verdict, tokens, unseen};
use commands::outside::chain::{Chain, TokenId, Transfer};
use commands::outside::evm_network::EvmNetwork;
use commands::unixfs::raw_cid;
use domain::contract::Contract;
use domain::id::{TenantId, WhiskeyId};
use domain::nft::address::EvmAddress;
use domain::nft::{Nft, Order};
use eventstore::{Context, Loaded};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::config::Config;
use crate::networks::{again, minting_contracts};
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
    token: TokenId,
    on_chain: Option<OnChain>,
    digest: [u8; 32],
    nft: Loaded<Nft>,
    verdict: Verdict,
}

struct Reconciliation<'a> {
    platform: &'a Platform,
    network: &'a EvmNetwork,
    contract: EvmAddress,
    adopts: bool,
    output: Output,
}

/// How many of each verdict, and whether all is well.
#[derive(Default)]
struct Outcome {
    counts: BTreeMap<&'static str, usize>,
    ill: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<bool, StartError> {
    let (network, contracts) = minting_contracts(config, arguments.network.as_deref())?;
    let platform = Platform::start(config, &[]).await?;
    let (adopts, output) = (arguments.adopt, arguments.output);
    let one = |contract| {
        let all =
            Reconciliation { platform: &platform, network: &network, contract, adopts, output };
        async move { all.reconcile(arguments.from_block).await }
    };
    // All of them, also if one cannot be read.
    let outcomes: Vec<Result<bool, StartError>> = stream::iter(contracts).then(one).collect().await;
    platform.stop().await;
    let outcomes: Vec<bool> = outcomes.into_iter().collect::<Result<_, _>>()?;
    Ok(outcomes.into_iter().all(|well| well))
}

impl Reconciliation<'_> {
    /// Every token that one of the two knows; says whether all is well.
    async fn reconcile(&self, from_block: u64) -> Result<bool, StartError> {
        // First what the log says, so that what comes meanwhile is on the chain as well.
        let told = self.told().await?;
        let to = self.final_block().await?;
        let mut on_chain = tokens(self.transfers(from_block, to).await?);
        let told = told.into_iter().map(TokenId::of);
        let all: BTreeSet<TokenId> = told.chain(on_chain.keys().cloned()).collect();
        let (all, mut outcome) = (all.into_iter().collect::<Vec<_>>(), Outcome::default());
        for some in all.chunks(TOKENS_AT_ONCE) {
            let digests = self.digests(some).await?;
            let mut nfts = Vec::with_capacity(some.len());
            for token in some {
                nfts.push(self.nft(&token.to_string()).await?);
            }
            let (chain_id, contract) = (self.network.chain_id(), self.contract);
            let read = Read { chain_id, contract, to, followed: self.followed().await? };
            for (token, nft) in some.iter().zip(nfts) {
                let cask = token.cask();
                let digest = cask.and_then(|cask| digests.get(&cask)).copied().unwrap_or_default();
                let on_chain = on_chain.remove(token);
                let verdict = on_chain
                    .as_ref()
                    .map_or(unseen(digest), |seen| seen.beside(&nft.state, digest, read));
                let line = Line { token: token.clone(), on_chain, digest, nft, verdict };
                self.settle(&line, to, &mut outcome).await?;
            }
        }
        let counts = outcome.counts.iter().map(|(word, count)| format!("{count} {word}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        eprintln!("{} tokens of {} up to block {to}: {counts}", all.len(), self.contract);
        Ok(!outcome.ill)
    }

    /// What the contract says that tokens of casks stand for.
    async fn digests(&self, some: &[TokenId]) -> Result<BTreeMap<WhiskeyId, [u8; 32]>, StartError> {
        let casks: Vec<WhiskeyId> = some.iter().filter_map(TokenId::cask).collect();
        let digests = again(|| self.network.digests(self.contract, &casks)).await?;
        Ok(casks.into_iter().zip(digests).collect())
    }

    /// Tells of a token, after taking into the log what is missing there, if that is wanted.
    async fn settle(&self, line: &Line, to: u64, outcome: &mut Outcome) -> Result<(), StartError> {
        let mended = match line.verdict {
            Verdict::Adoptable if self.adopts => self.adopt(line, to).await.map(|()| "adopted"),
            Verdict::OtherHolder if self.adopts => {
                self.record_moves(line, to).await.map(|()| "recorded")
            }
            verdict => {
                outcome.ill |= !verdict.is_well();
                Ok(verdict.word())
            }
        };
        let word = mended.unwrap_or_else(|error| {
            outcome.ill = true;
            eprintln!("{}: {error}", line.token);
            line.verdict.word()
        });
        *outcome.counts.entry(word).or_default() += 1;
        println!("{}", line.told(self.contract, word, self.output));
        Ok(())
    }

    /// The tokens of the contract that the log says exist.
    async fn told(&self) -> Result<Vec<WhiskeyId>, StartError> {
        let mut told = Vec::new();
        for kind in ["nft.mint_confirmed", "nft.mint_adopted"] {
            let of_log = self.platform.journal.streams_with(kind, -1).await;
            for begun in of_log.map_err(StartError::of)? {
                let token = begun.aggregate_id.parse().map_err(StartError::of)?;
                let nft = self.nft(&begun.aggregate_id).await?;
                let is_here = |order: &Order| {
                    (order.chain_id, order.contract) == (self.network.chain_id(), self.contract)
                };
                if nft.state.order().is_some_and(is_here) {
                    told.push(token);
                }
            }
        }
        Ok(told)
    }

    async fn final_block(&self) -> Result<u64, StartError> {
        again(|| self.network.agreed_final_block()).await
    }

    async fn transfers(&self, from_block: u64, last: u64) -> Result<Vec<Transfer>, StartError> {
        let (mut from, mut asked, mut all) = (from_block, 0_u64, Vec::new());
        while from <= last {
            let to = last.min(from.saturating_add(BLOCKS_AT_ONCE - 1));
            all.extend(again(|| self.network.transfers(self.contract, from, to)).await?);
            asked += 1;
            if asked.is_multiple_of(TOLD_EVERY) {
                eprintln!("block {to} of {last}, {} movements", all.len());
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
    async fn nft(&self, id: &str) -> Result<Loaded<Nft>, StartError> {
        let tenant = self.platform.journal.tenant_of("nft", id).await.map_err(StartError::of)?;
        let tenant = tenant.unwrap_or(TenantId::PLATFORM);
        let loaded = self.platform.commands.store.load_fresh::<Nft>(tenant, id).await;
        loaded.map_err(StartError::of)
    }

    /// Only by what as many nodes say as a verdict needs.
    async fn adopt(&self, line: &Line, to: u64) -> Result<(), StartError> {
        let Some(cask) = line.token.cask() else { return Ok(()) };
        let digest = again(|| self.network.agreed_digest(self.contract, cask, to)).await?;
        let adoption = line.on_chain.as_ref().and_then(|on_chain| on_chain.adoption(digest, to));
        let Some(adoption) = adoption else { return Ok(()) };
        let (commands, asked) = (&self.platform.commands, operator(line.nft.tenant, &line.token));
        commands.adopt_mint(&asked, cask, &adoption).await.map_err(StartError::of)?;
        self.record_moves(line, to).await
    }

    /// What was read, and what happened since: until the token was in the log, whoever follows the
    /// contract passed it by.
    async fn record_moves(&self, line: &Line, to: u64) -> Result<(), StartError> {
        let (commands, asked) = (&self.platform.commands, operator(line.nft.tenant, &line.token));
        let read = line.on_chain.iter().flat_map(|on_chain| on_chain.moves.clone());
        let since = self.transfers(to + 1, self.final_block().await?).await?;
        let since = since.into_iter().filter(|moved| moved.token == line.token);
        for moved in read.chain(since) {
            commands.record_transfer(&asked, moved).await.map_err(StartError::of)?;
        }
        Ok(())
    }
}

fn operator(tenant: TenantId, token: &TokenId) -> Asked {
    Asked::by(Context::system(tenant, "operator", &format!("mint:{token}"), "reconcile"))
}

impl Line {
    fn told(&self, contract: EvmAddress, verdict: &str, output: Output) -> String {
        match output {
            Output::Json => self.json(contract, verdict).to_string(),
            Output::Text => {
                let log = self.nft.state.name();
                let on_chain = self.on_chain.as_ref();
                let holder = on_chain.and_then(|on_chain| on_chain.holder);
                let holder = holder.map_or("nobody".to_owned(), |holder| holder.to_string());
                format!("{contract} {} {verdict}: held by {holder}, in the log {log}", self.token)
            }
        }
    }

    /// The whole picture of a token, enough to begin again from.
    fn json(&self, contract: EvmAddress, verdict: &str) -> Value {
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
            "contract": contract.to_string(),
            "tokenId": self.token.to_string(),
            "verdict": verdict,
            "log": self.nft.state.name(),
            "onChain": on_chain,
        })
    }
}
