//! Whether chains have what the log says of their tokens. The nodes are the auditor's own.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::ledger::minted::{Deployed, Disagreement, Told};
use commands::outside::chain::{Chain, FeeStyle, Transfer};
use commands::outside::evm_network::{EvmNetwork, NetworkSettings};
use eventstore::ledger::bundle::Bundle;
use eventstore::ledger::verify::{Claim, Finding, Report};

use super::Undecided;

/// Blocks in one question: nodes refuse more.
const AT_ONCE: u64 = 1_000;

/// A node, as `<chain id>=<url>`.
pub fn node(text: &str) -> Result<(u64, String), String> {
    let named = text.split_once('=').and_then(|(id, url)| Some((id.parse().ok()?, url.to_owned())));
    named.ok_or_else(|| "a node is named as in 1=https://node.example".to_owned())
}

/// Compares every contract of the log whose chain there is a node for.
pub async fn compare(
    bundle: &Bundle,
    nodes: &[(u64, String)],
    report: &mut Report,
) -> Result<(), Undecided> {
    let (mut told, mut unread) = (Told::default(), None);
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
    let (mut findings, mut seen, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for deployed in told.contracts() {
        let Deployed { chain_id, contract } = deployed;
        let Some(urls) = urls.get(&chain_id) else {
            unseen.push(format!("what chain {chain_id} has of {contract}: no node was given"));
            continue;
        };
        let (block, transfers) = transfers(deployed, urls.clone()).await?;
        let movements = transfers.len();
        seen.push(format!("{movements} movements of {contract} on {chain_id} up to block {block}"));
        findings.extend(told.against(deployed, &transfers).into_iter().map(finding));
    }
    report.limits.extend(unseen);
    report.add(Claim::Chain, seen.join("; "), findings);
    Ok(())
}

fn finding(disagreement: Disagreement) -> Finding {
    let position = disagreement.position.and_then(|position| u64::try_from(position).ok());
    Finding { claim: Claim::Chain, position, what: disagreement.what }
}

/// Every movement of a contract's tokens in final blocks.
async fn transfers(
    deployed: Deployed,
    rpc_urls: Vec<String>,
) -> Result<(u64, Vec<Transfer>), Undecided> {
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
    let finalized = network.heads().await?.finalized;
    let (mut from, mut all) = (0, Vec::new());
    while from <= finalized {
        let to = finalized.min(from + AT_ONCE - 1);
        all.extend(network.transfers(deployed.contract, from, to).await?);
        from = to + 1;
    }
    Ok((finalized, all))
}
