//! A chain through two nodes: one may be away, be behind or lie, and nothing is believed that the other
//! does not say as well.

use std::time::Duration;

use crate::world::chain_proxy::{ChainProxy, Fault};
use crate::world::mint_lab::MintLab;
use crate::world::until;

const RECEIPT: &str = "eth_getTransactionReceipt";

/// Mines until this node has been asked for receipts so many times more with that result, long after
/// whatever is in a block is final.
async fn until_asked_in_vain(lab: &MintLab, other: &ChainProxy, fault: &'static str) {
    let happened = || other.happened().get(&(RECEIPT.to_owned(), fault)).copied().unwrap_or(0);
    lab.proxy.mine(6).await;
    let before = happened();
    until("the node is asked again and again", || async {
        (happened() >= before + 5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_verdict_waits_for_the_node_that_is_behind() {
    let (lab, other) = MintLab::with_two_nodes().await;
    other.sometimes(RECEIPT, &Fault::Null, 1.0);
    let id = lab.ordered("T-1").await;
    lab.until_status(&id, "SUBMITTED").await;
    lab.proxy.mine(1).await;
    lab.until_status(&id, "INCLUDED").await;
    until_asked_in_vain(&lab, &other, "null").await;
    assert_eq!(lab.status(&id).await, "INCLUDED");
    other.calm();
    lab.mined_until(&id, "CONFIRMED").await;
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn a_node_that_lies_about_a_final_block_is_noticed_and_not_believed() {
    let (lab, other) = MintLab::with_two_nodes().await;
    other.sometimes(RECEIPT, &Fault::Reverted, 1.0);
    let id = lab.ordered("T-2").await;
    lab.until_status(&id, "SUBMITTED").await;
    lab.proxy.mine(1).await;
    lab.until_status(&id, "INCLUDED").await;
    until_asked_in_vain(&lab, &other, "reverted").await;
    assert_eq!(lab.status(&id).await, "INCLUDED");
    assert_eq!(lab.events("nft.mint_failed").await.len(), 0);
    assert!(lab.server.log_text().contains("nodes disagree on a final block"));
    other.calm();
    lab.mined_until(&id, "CONFIRMED").await;
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn while_one_of_two_is_away_what_is_out_is_followed_and_nothing_new_is_begun() {
    let (lab, other) = MintLab::with_two_nodes().await;
    let first = lab.ordered("T-3").await;
    lab.until_status(&first, "SUBMITTED").await;
    other.away(true);
    lab.proxy.mine(1).await;
    lab.until_status(&first, "INCLUDED").await;
    until("the node is left alone", || async {
        lab.proxy.mine(1).await;
        lab.server.log_text().contains("the node is left alone").then_some(())
    })
    .await;
    let second = lab.ordered("T-4").await;
    lab.until_status(&second, "PINNED").await;
    lab.proxy.mine(6).await;
    // The lane goes on looking, and looks past both.
    let (block, at_once) = ("eth_getBlockByNumber".to_owned(), Fault::Slow(Duration::ZERO));
    lab.proxy.sometimes(&block, &at_once, 1.0);
    until("the lane has looked again and again", || async {
        let looks = lab.proxy.happened().get(&(block.clone(), "slow")).copied();
        (looks >= Some(20)).then_some(())
    })
    .await;
    lab.proxy.calm();
    assert_eq!(lab.status(&first).await, "INCLUDED");
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 1);
    other.away(false);
    for id in [&first, &second] {
        lab.mined_until(id, "CONFIRMED").await;
    }
    lab.chain_equals_log(&[first, second]).await;
}
