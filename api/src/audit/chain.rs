//! Whether chains have what the log says of their tokens, and the heads they keep are this log's. The
//! nodes are the auditor's own.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::ledger::minted::{Deployed, Disagreement, Told};
use commands::outside::chain::{Anchored, Chain, FeeStyle, Transfer};
use commands::outside::evm_network::{EvmNetwork, NetworkSettings};
use domain::id::WhiskeyId;
use eventstore::ledger::bundle::{Bundle, Scope};
use eventstore::ledger::verify::{Claim, Finding, Report};

use super::Undecided;
use crate::networks::again;

/// Blocks in one question, and tokens: nodes refuse more.
const AT_ONCE: u64 = 1_000;
const TOKENS_AT_ONCE: usize = 100;
/// How often somebody who waits is told, in questions.
const TOLD_EVERY: u64 = 100;

/// A node, as `<chain id>=<url>`.
pub fn node(text: &str) -> Result<(u64, String), String> {
    let named = text.split_once('=').and_then(|(id, url)| Some((id.parse().ok()?, url.to_owned())));
    named.ok_or_else(|| "a node is named as in 1=https://node.example".to_owned())
}

/// A block, as `<chain id>=<number>`.
pub fn block(text: &str) -> Result<(u64, u64), String> {
    let named =
        text.split_once('=').and_then(|(id, at)| Some((id.parse().ok()?, at.parse().ok()?)));
    named.ok_or_else(|| "a block is named as in 1=19000000".to_owned())
}

/// Compares every contract of the log whose chain there is a node for.
pub async fn compare(
    bundle: &Bundle,
    nodes: &[(u64, String)],
    from: &BTreeMap<u64, u64>,
    report: &mut Report,
) -> Result<(), Undecided> {
    if !report.contents.scope.has_whole_streams() {
        let limit =
            "what chains have of its tokens: a stretch of the log does not know their lives";
        report.limits.push(limit.to_owned());
        return Ok(());
    }
    let whole = report.contents.scope == Scope::Log;
    if !whole {
        let limit = "whether the log knows every token on the chain: this is a part of it";
        report.limits.push(limit.to_owned());
    }
    let (mut told, mut unread) = (Told::of(whole), None);
    bundle.each(report.contents.size, |event| {
        unread = unread.take().or(told.hear(&event).err());
    })?;
    if let Some(error) = unread {
        return Err(error.into());
    }
    let mut urls: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (chain_id, url) in nodes {
        urls.entry(*chain_id).or_default().push(url.clone());
    }
    is_early_enough(&told, from, &urls)?;
    let (mut findings, mut seen, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = None;
    for deployed in told.contracts() {
        let Deployed { chain_id, contract } = deployed;
        let Some(urls) = urls.get(&chain_id) else {
            unseen.push(format!("what chain {chain_id} has of {contract}: no node was given"));
            continue;
        };
        let from = from.get(&chain_id).copied().unwrap_or_default();
        let minted = told.minted(deployed);
        let looked = look(deployed, urls.clone(), from, &minted).await;
        let Seen { block, transfers, anchors, documents } = match looked {
            Ok(looked) => looked,
            // What is found elsewhere is found all the same.
            Err(error) => {
                failed = failed.or(Some(error));
                continue;
            }
        };
        let (movements, heads) = (transfers.len(), anchors.len());
        seen.push(format!(
            "{movements} movements and {heads} heads of {contract} on {chain_id}, blocks {from} to {block}"
        ));
        findings.extend(told.against(deployed, &transfers).into_iter().map(finding));
        findings.extend(told.against_documents(deployed, &documents).into_iter().map(finding));
        let size = report.contents.size;
        let of_log = told.against_anchors(deployed, &anchors, |of| bundle.root(of, size));
        findings.extend(of_log.into_iter().map(finding));
    }
    let earlier = |(chain_id, block): (&u64, &u64)| {
        format!("what happened on chain {chain_id} before block {block}")
    };
    let from = from.iter().filter(|(_, block)| **block > 0);
    report.limits.extend(unseen.into_iter().chain(from.map(earlier)));
    if !seen.is_empty() {
        report.add(Claim::Chain, seen.join("; "), findings);
    }
    failed.map_or(Ok(()), Err)
}

/// What is not read is not said to be missing.
fn is_early_enough(
    told: &Told,
    from: &BTreeMap<u64, u64>,
    urls: &BTreeMap<u64, Vec<String>>,
) -> Result<(), Undecided> {
    for deployed in told.contracts().filter(|it| urls.contains_key(&it.chain_id)) {
        let Deployed { chain_id, contract } = deployed;
        if let (Some(from), Some(first)) = (from.get(&chain_id), told.first_block(deployed))
            && first < *from
        {
            let late = "is too late: by the log something has happened at";
            return Err(format!("block {chain_id}={from} {late} {contract} in {first}").into());
        }
    }
    Ok(())
}

fn finding(disagreement: Disagreement) -> Finding {
    let position = disagreement.position.and_then(|position| u64::try_from(position).ok());
    Finding { claim: Claim::Chain, position, what: disagreement.what }
}

/// What final blocks say of a contract.
struct Seen {
    block: u64,
    transfers: Vec<Transfer>,
    anchors: Vec<Anchored>,
    /// By token, the digest of what it stands for.
    documents: Vec<(WhiskeyId, [u8; 32])>,
}

/// Every movement of its tokens, and every head it has taken.
async fn look(
    deployed: Deployed,
    rpc_urls: Vec<String>,
    mut from: u64,
    minted: &[WhiskeyId],
) -> Result<Seen, Undecided> {
    let network = EvmNetwork::new(NetworkSettings {
        name: format!("chain {}", deployed.chain_id),
        chain_id: deployed.chain_id,
        rpc_urls,
        // Nothing is sent.
        fee_style: FeeStyle::Dynamic,
        max_fee_wei: 0,
        min_tip_wei: 0,
        block_time: Duration::from_secs(1),
    })?;
    let block = again(|| network.agreed_final_block()).await?;
    let (transfers, anchors, documents) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = Seen { block, transfers, anchors, documents };
    let mut asked = 0_u64;
    while from <= block {
        let to = block.min(from.saturating_add(AT_ONCE - 1));
        let contract = deployed.contract;
        seen.transfers.extend(again(|| network.transfers(contract, from, to)).await?);
        seen.anchors.extend(again(|| network.anchors(contract, from, to)).await?);
        asked += 1;
        if asked.is_multiple_of(TOLD_EVERY) {
            eprintln!("  {contract}: block {to} of {block}, {} movements", seen.transfers.len());
        }
        from = to + 1;
    }
    for some in minted.chunks(TOKENS_AT_ONCE) {
        let digests = again(|| network.agreed_digests(deployed.contract, some)).await?;
        seen.documents.extend(some.iter().copied().zip(digests));
    }
    Ok(seen)
}
