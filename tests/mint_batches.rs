//! Mints that wait together go out together, and each of them is judged by itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::chain_proxy::Fault;
use crate::world::mint_lab::{ADMIN, MINTER, MintLab, minter};
use crate::world::until;

/// A lane that was used once and is paused, and casks whose mints wait for it.
async fn waiting(lab: &MintLab, count: usize) -> Vec<String> {
    let first = lab.ordered("B-0").await;
    lab.mined_until(&first, "CONFIRMED").await;
    lab.pause().await;
    let mut ids = vec![first];
    for number in 1..=count {
        ids.push(lab.ordered(&format!("B-{number}")).await);
    }
    for id in &ids[1..] {
        lab.until_status(id, "PINNED").await;
    }
    // The log says so before the worker has put it with the others.
    lab.world.until_done("mint").await;
    ids
}

/// The mints of each nonce, as strings of ids.
async fn errands(lab: &MintLab) -> Vec<Vec<String>> {
    let of = |event: &Value| {
        let mints = event["data"]["errand"]["mints"].as_array().unwrap();
        mints.iter().map(|mint| mint.as_str().unwrap().to_owned()).collect()
    };
    lab.events("lane.nonce_assigned").await.iter().map(of).collect()
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut sorted = ids.to_vec();
    sorted.sort_by_key(|id| id.parse::<i64>().unwrap());
    sorted
}

#[tokio::test]
async fn what_waits_together_is_one_transaction_and_each_bears_its_share() {
    let lab = MintLab::new(&[]).await;
    let ids = waiting(&lab, 5).await;
    lab.resume().await;
    let mut confirmed = BTreeMap::new();
    for id in &ids[1..] {
        confirmed.insert(id.clone(), lab.mined_until(id, "CONFIRMED").await);
    }
    assert_eq!(errands(&lab).await, [vec![ids[0].clone()], sorted(&ids[1..])]);
    assert_eq!(lab.sent_for(1).len(), 1);
    let hash = lab.sent_for(1)[0].hash.clone();
    assert!(confirmed.values().all(|nft| nft["transaction"]["hash"] == hash));

    let receipt = lab.proxy.ask("eth_getTransactionReceipt", json!([hash])).await;
    let used = receipt["gasUsed"].as_str().unwrap().trim_start_matches("0x");
    let used = u64::from_str_radix(used, 16).unwrap();
    let of_batch = lab.events("nft.mint_confirmed").await.split_off(1);
    let shares = of_batch.iter().map(|event| event["data"]["cost"]["gasUsed"].as_u64().unwrap());
    assert_eq!(shares.sum::<u64>(), used);
    // Alone, each would have cost more than its share.
    let alone = lab.events("nft.mint_confirmed").await[0]["data"]["cost"]["gasUsed"].clone();
    assert!(alone.as_u64().unwrap() > used / 5 + 15_000, "{alone} alone, {used} together");

    let told = lab.isla.get(&format!("/api/v1/blockchain/transaction/{hash}")).await.expect(200);
    let signed = &told.data()["signed"];
    assert_eq!(signed["errand"], "mints");
    assert_eq!(signed["tokenIds"], json!(sorted(&ids[1..])));
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn no_more_go_together_than_are_allowed() {
    let lab = MintLab::new(&[("CASKCHAIN_CHAIN__MINTS_IN_ONE", "2")]).await;
    let ids = waiting(&lab, 5).await;
    lab.resume().await;
    for id in &ids[1..] {
        lab.mined_until(id, "CONFIRMED").await;
    }
    let sizes: Vec<usize> = errands(&lab).await.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 2, 2, 1]);
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn whoever_shares_a_nonce_that_is_given_up_for_another_gets_a_new_one() {
    let lab = MintLab::new(&[]).await;
    let ids = waiting(&lab, 3).await;
    lab.resume().await;
    lab.until_sent(1, 1).await;
    let given_up = &ids[2];
    lab.keeper.post(&format!("/api/v1/nfts/{given_up}/cancel"), json!({})).await.expect(202);
    lab.until_cancel_sent(1).await;
    let failed = lab.mined_until(given_up, "FAILED").await;
    assert_eq!(failed["failure"], "cancelled_at_finality");
    let others = [ids[0].clone(), ids[1].clone(), ids[3].clone()];
    for id in &others {
        lab.mined_until(id, "CONFIRMED").await;
    }
    assert_eq!(errands(&lab).await[2..], [sorted(&others[1..])]);
    assert_eq!(lab.events("nft.mint_slot_lost").await.len(), 2);
    assert_eq!(lab.events("lane.quarantined").await.len(), 0);
    lab.chain_equals_log(&others).await;
}

#[tokio::test]
async fn a_token_that_somebody_else_was_faster_with_does_not_undo_the_others() {
    let lab = MintLab::new(&[]).await;
    lab.let_mint_as(ADMIN, true).await;
    let ids = waiting(&lab, 3).await;
    // In no block until the other one is in one.
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    lab.resume().await;
    until("the batch is signed", || async {
        (lab.events("lane.attempt_signed").await.len() == 2).then_some(())
    })
    .await;
    lab.proxy.calm();
    lab.mint_behind_as(ADMIN, ids[2].parse().unwrap()).await;
    let failed = lab.mined_until(&ids[2], "FAILED").await;
    assert_eq!(failed["failure"], "skipped_at_finality");
    for id in [&ids[1], &ids[3]] {
        lab.mined_until(id, "CONFIRMED").await;
    }
    assert_eq!(errands(&lab).await.len(), 2);
    // Asked for again, it is for people to judge.
    lab.isla.post(&format!("/api/v1/nfts/{}/retry", ids[2]), json!({})).await.expect(202);
    assert_eq!(lab.until_status(&ids[2], "HELD").await["hold"], "already_on_chain");
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn what_reverts_together_waits_until_the_contract_would_do_it_and_goes_alone() {
    let lab = MintLab::new(&[]).await;
    let ids = waiting(&lab, 3).await;
    // Signed while the contract would do it, sent when it does no more.
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    lab.resume().await;
    until("the batch is signed", || async {
        (lab.events("lane.attempt_signed").await.len() == 2).then_some(())
    })
    .await;
    lab.let_mint(false).await;
    lab.proxy.calm();
    for id in &ids[1..] {
        let held = lab.mined_until(id, "HELD").await;
        assert_eq!(held["hold"], "refused");
    }
    assert_eq!(lab.events("nft.mint_failed").await.len(), 0);
    assert_eq!(errands(&lab).await.len(), 2);
    lab.let_mint(true).await;
    for id in &ids[1..] {
        lab.mined_until(id, "CONFIRMED").await;
    }
    let alone = errands(&lab).await.split_off(2);
    assert!(alone.len() == 3 && alone.iter().all(|errand| errand.len() == 1), "{alone:?}");
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn a_stolen_nonce_is_lost_to_all_that_shared_it() {
    let lab = MintLab::new(&[]).await;
    let ids = waiting(&lab, 3).await;
    // The chain has heard nothing of it when the nonce is spent.
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    lab.resume().await;
    until("the batch is signed", || async {
        (lab.events("lane.attempt_signed").await.len() == 2).then_some(())
    })
    .await;
    lab.send_as(MINTER, &minter(), vec![]).await;
    until("the slot is lost", || async {
        lab.proxy.mine(1).await;
        lab.events("lane.slot_lost").await.pop()
    })
    .await;
    assert_eq!(lab.events("nft.mint_slot_lost").await.len(), 3);
    lab.proxy.calm();
    lab.resume().await;
    for id in &ids[1..] {
        lab.mined_until(id, "CONFIRMED").await;
    }
    assert_eq!(errands(&lab).await[2], sorted(&ids[1..]));
    assert!(lab.tokens().await.values().all(|count| *count == 1));
    lab.world.log_is_lawful().await;
}

#[tokio::test]
async fn killed_after_each_step_a_batch_goes_on_from_the_log() {
    let mut lab = MintLab::new(&[]).await;
    let mut ids = waiting(&lab, 0).await;
    let steps = [
        "lane.nonce_assigned",
        "lane.attempt_signed",
        "nft.mint_submitted",
        "nft.mint_included",
        "nft.mint_confirmed",
    ];
    for (round, step) in steps.into_iter().enumerate() {
        let mut together = Vec::new();
        for number in 0..3 {
            together.push(lab.ordered(&format!("K-{round}-{number}")).await);
        }
        for id in &together {
            lab.until_status(id, "PINNED").await;
        }
        let before = lab.events(step).await.len();
        lab.resume().await;
        until(step, || async {
            lab.proxy.mine(1).await;
            (lab.events(step).await.len() > before).then_some(())
        })
        .await;
        lab.kill_and_restart(&[]).await;
        for id in &together {
            lab.mined_until(id, "CONFIRMED").await;
        }
        ids.extend(together);
        lab.pause().await;
    }
    let sizes: Vec<usize> = errands(&lab).await.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 3, 3, 3, 3, 3]);
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn a_signer_that_signs_no_more_is_given_no_more_nonces() {
    let lab = MintLab::new(&[
        ("CASKCHAIN_CHAIN__SIGNATURES_PER_MINUTE", "1"),
        ("CASKCHAIN_CHAIN__MINTS_IN_ONE", "1"),
    ])
    .await;
    let signed = lab.ordered("N-1").await;
    lab.until_status(&signed, "SUBMITTED").await;
    let assigned = lab.ordered("N-2").await;
    lab.until_status(&assigned, "ASSIGNED").await;
    let waits = lab.ordered("N-3").await;
    lab.until_status(&waits, "PINNED").await;
    let looks = || lab.server.log_text().matches("there were as many as are allowed").count();
    let before = looks();
    until("the lane has looked again", || async { (looks() > before + 6).then_some(()) }).await;
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 2);
    assert_eq!(lab.status(&waits).await, "PINNED");
}
