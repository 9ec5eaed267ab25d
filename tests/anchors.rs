//! Heads of the ledger at the contract, where nobody here can change them.

use std::collections::BTreeMap;

use ethers_core::utils::keccak256;
use serde_json::{Value, json};

use crate::world::auditor::Bundle;
use crate::world::chain_proxy::Fault;
use crate::world::mint_lab::{ADMIN, MINTER, MintLab, minter};
use crate::world::{strangers, until};

const OFTEN: (&str, &str) = ("CASKCHAIN_CHAIN__ANCHOR_EVERY_S", "1");

/// Size and root of the last head the contract has.
async fn head(lab: &MintLab) -> (u64, String) {
    let selector = hex::encode(&keccak256("anchoredHead()")[..4]);
    let call = json!([{ "to": lab.contract, "data": format!("0x{selector}") }, "latest"]);
    let answer = lab.proxy.ask("eth_call", call).await;
    let words = answer.as_str().unwrap().trim_start_matches("0x").to_owned();
    (u64::from_str_radix(&words[48..64], 16).unwrap(), words[64..].to_owned())
}

/// Mines until so many heads are anchored for good.
async fn anchored(lab: &MintLab, count: usize) -> Vec<Value> {
    until("heads are anchored", || async {
        lab.proxy.mine(1).await;
        let anchored = lab.events("contract.anchor_confirmed").await;
        (anchored.len() >= count).then_some(anchored)
    })
    .await
}

async fn auditor_agrees(lab: &MintLab) -> Value {
    let bundle = Bundle::of(&lab.world, &[]).await;
    let rpc = format!("31337={}", lab.world.chain.url());
    bundle.holds(&strangers::key(&lab.isla).await, &["--rpc", &rpc]).await
}

/// Somebody who may anchors a head of another log.
async fn anchor_another(lab: &MintLab, size: u8) {
    lab.grant(ADMIN, "ANCHOR_ROLE", true).await;
    let mut data = keccak256("anchor(uint64,bytes32,bytes32[])")[..4].to_vec();
    for word in [size, 0xee, 96, 0] {
        data.extend([0; 31]);
        data.push(word);
    }
    lab.send_as(ADMIN, &lab.contract, data).await;
    assert_eq!(head(lab).await.0, u64::from(size));
}

#[tokio::test]
async fn heads_are_anchored_by_schedule_each_continuing_the_last() {
    let lab = MintLab::new(&[OFTEN, ("CASKCHAIN_LOG__FILTER", "info,commands=debug")]).await;
    anchored(&lab, 1).await;
    let id = lab.ordered("A-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    // Whatever is left of it is anchored, too, and then there is nothing that only anchoring did.
    let idle = "nothing to anchor";
    let idle_since = until("all is anchored", || async {
        lab.proxy.mine(1).await;
        let log = lab.world.log().await;
        let minted = log.iter().rfind(|(_, text)| text.contains("nft.mint_confirmed")).unwrap().0;
        let size = i64::try_from(head(&lab).await.0).unwrap();
        let times = lab.server.log_text().matches(idle).count();
        (size > minted && times > 0).then_some(times)
    })
    .await;
    let before = lab.events("contract.anchor_assigned").await.len();
    until("it was looked again", || async {
        lab.proxy.mine(1).await;
        (lab.server.log_text().matches(idle).count() > idle_since + 2).then_some(())
    })
    .await;
    let anchors = lab.events("contract.anchor_confirmed").await;
    assert_eq!(lab.events("contract.anchor_assigned").await.len(), before);
    assert!(anchors.len() >= 2, "{anchors:?}");
    let sizes: Vec<_> = anchors.iter().map(|it| it["data"]["anchor"]["size"].as_u64()).collect();
    assert!(sizes.is_sorted(), "{sizes:?}");
    let (size, root) = head(&lab).await;
    let last = &anchors[anchors.len() - 1]["data"]["anchor"];
    assert_eq!((last["size"].as_u64(), last["root"].as_str()), (Some(size), Some(&*root)));
    lab.chain_equals_log(&[id]).await;

    let report = auditor_agrees(&lab).await;
    assert!(report.to_string().contains(&format!("{} heads of", anchors.len())), "{report}");
    let shown = until("the read model has it", || async {
        let all = lab.isla.get("/api/v1/blockchain/contracts").await.expect(200);
        let shown = all.data()[0]["anchored"].clone();
        (shown["size"].as_u64() == Some(size)).then_some(shown)
    })
    .await;
    assert_eq!((&shown["root"], &shown["count"]), (&json!(root), &json!(anchors.len())));
    let used = anchors.iter().map(|it| it["data"]["cost"]["gasUsed"].as_u64().unwrap());
    assert_eq!(shown["gasUsed"], json!(used.sum::<u64>()));
}

#[tokio::test]
async fn another_history_that_is_anchored_is_an_alarm_and_found_by_the_auditor() {
    let mut lab = MintLab::new(&[]).await;
    anchor_another(&lab, 3).await;
    lab.kill_and_restart(&[OFTEN]).await;
    until("there is an alarm", || async {
        lab.proxy.mine(1).await;
        lab.server.log_text().contains("another history of the log is anchored").then_some(())
    })
    .await;
    assert_eq!(lab.events("contract.anchor_assigned").await.len(), 0);
    // Mints go on; the auditor, who knows the contract by them, finds it.
    let id = lab.ordered("A-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    let bundle = Bundle::of(&lab.world, &[]).await;
    let rpc = format!("31337={}", lab.world.chain.url());
    let verdict = bundle.verdict(&strangers::key(&lab.isla).await, &["--rpc", &rpc]).await;
    assert_eq!(verdict.code, 1, "{verdict:?}");
    assert!(verdict.report.to_string().contains("another log of 3 events"), "{verdict:?}");
}

#[tokio::test]
async fn killed_after_each_step_the_head_is_anchored_once() {
    let mut lab = MintLab::new(&[OFTEN]).await;
    for step in ["contract.anchor_assigned", "lane.attempt_signed", "contract.anchor_confirmed"] {
        let before = lab.events(step).await.len();
        // Something that is worth to be anchored.
        lab.isla.cask(step).await;
        until(step, || async {
            lab.proxy.mine(1).await;
            (lab.events(step).await.len() > before).then_some(())
        })
        .await;
        lab.kill_and_restart(&[OFTEN]).await;
    }
    let assigned = lab.events("contract.anchor_assigned").await.len();
    anchored(&lab, assigned).await;
    auditor_agrees(&lab).await;
    lab.world.log_is_lawful().await;
}

#[tokio::test]
async fn a_stolen_nonce_loses_the_head_and_the_next_one_comes() {
    let lab = MintLab::new(&[OFTEN]).await;
    let before = anchored(&lab, 1).await.len();
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    lab.isla.cask("S-1").await;
    until("the next one is signed", || async {
        lab.proxy.mine(1).await;
        (lab.events("contract.anchor_assigned").await.len() > before).then_some(())
    })
    .await;
    until("the bytes are there", || async {
        let signed = lab.events("lane.attempt_signed").await;
        (signed.len() > before).then_some(())
    })
    .await;
    lab.send_as(MINTER, &minter(), vec![]).await;
    until("the slot is lost", || async {
        lab.proxy.mine(1).await;
        lab.events("contract.anchor_slot_lost").await.pop()
    })
    .await;
    lab.proxy.calm();
    lab.resume().await;
    anchored(&lab, before + 1).await;
    lab.world.log_is_lawful().await;
}

/// From now on the contract mints only what is proven to be approved.
async fn require_approval(lab: &MintLab) {
    let mut data = keccak256("setApprovalRequired(bool)")[..4].to_vec();
    data.extend([0; 31]);
    data.push(1);
    lab.send_as(ADMIN, &lab.contract, data).await;
}

/// The tokens whose approval the contract has seen, with its position.
async fn proven(lab: &MintLab) -> Vec<(String, i64)> {
    let topic = keccak256("CaskApprovalProven(uint256,uint64,bytes32)");
    let filter = json!([{
        "fromBlock": "0x0", "toBlock": "latest", "address": lab.contract,
        "topics": [format!("0x{}", hex::encode(topic))],
    }]);
    let logs = lab.proxy.ask("eth_getLogs", filter).await;
    let number = |text: &str| u128::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    let of = |log: &Value| {
        let token = number(log["topics"][1].as_str().unwrap()).to_string();
        let position = number(&log["data"].as_str().unwrap()[..66]);
        (token, i64::try_from(position).unwrap())
    };
    logs.as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn where_it_is_wanted_a_mint_proves_that_its_cask_was_approved() {
    let mut lab = MintLab::new(&[]).await;
    require_approval(&lab).await;
    // Nothing is anchored, so nothing can be proven, and no nonce is spent on trying.
    let ids = [lab.ordered("P-1").await, lab.ordered("P-2").await];
    for id in &ids {
        assert_eq!(lab.until_status(id, "HELD").await["hold"], "unproven");
    }
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 0);
    lab.kill_and_restart(&[OFTEN]).await;
    for id in &ids {
        lab.mined_until(id, "CONFIRMED").await;
    }
    let log = lab.world.log().await;
    let approvals = log.iter().filter(|(_, text)| text.contains("whiskey.approved"));
    let mut expected: Vec<(String, i64)> =
        ids.iter().cloned().zip(approvals.map(|it| it.0)).collect();
    let mut proven = proven(&lab).await;
    expected.sort();
    proven.sort();
    assert_eq!(proven, expected);
    // Each by itself, against a head that is there for good.
    let errands = lab.events("lane.nonce_assigned").await;
    let mints: Vec<&Value> = errands
        .iter()
        .map(|event| &event["data"]["errand"])
        .filter(|errand| errand["kind"] == "approved_mint")
        .collect();
    assert_eq!(mints.len(), 2, "{errands:?}");
    // The next head may be on its way already, so nonces are not counted here.
    let once: BTreeMap<String, usize> = ids.into_iter().map(|id| (id, 1)).collect();
    assert_eq!(lab.tokens().await, once);
    lab.world.log_is_lawful().await;
}
