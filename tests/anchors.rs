//! Heads of the ledger at the contract, where nobody here can change them.

use ethers_core::utils::keccak256;
use serde_json::{Value, json};

use crate::world::auditor::Bundle;
use crate::world::chain_proxy::Fault;
use crate::world::mint_lab::{ADMIN, ANCHORER, MintLab, OFTEN, minter};
use crate::world::{strangers, until};

async fn auditor_agrees(lab: &MintLab) -> Value {
    let bundle = Bundle::of(&lab.world, &[]).await;
    let rpc = format!("31337={}", lab.world.chain.url());
    let key = strangers::key(&lab.isla).await;
    // What would not be read is not said to be missing.
    let late = bundle.verdict(&key, &["--rpc", &rpc, "--from-block", "31337=99999"]).await;
    assert_eq!(late.code, 2, "{late:?}");
    assert!(late.report.to_string().contains("too late: by the log something"), "{late:?}");
    // The contracts were made in the first blocks.
    bundle.holds(&key, &["--rpc", &rpc, "--from-block", "31337=1"]).await
}

#[tokio::test]
async fn a_network_is_paused_as_a_whole_before_its_first_mint() {
    let lab = MintLab::new(&[OFTEN]).await;
    let path = "/api/v1/blockchain/networks";
    until("both lanes are open", || async {
        let lanes = lab.keeper.get(path).await.expect(200).data()[0]["lanes"].clone();
        (lanes.as_array()?.len() == 2).then_some(())
    })
    .await;
    lab.pause().await;
    let id = lab.ordered("W-1").await;
    lab.until_status(&id, "PINNED").await;
    // Its message is done with: it waits where the lanes take it from.
    let anchored = lab.heads("contract.anchor_assigned").await.len();
    lab.world.until_done("mint").await;
    assert_eq!(lab.events("nft.mint_assigned").await, Vec::<Value>::new());
    assert_eq!(lab.heads("contract.anchor_assigned").await.len(), anchored);
    lab.resume().await;
    lab.mined_until(&id, "CONFIRMED").await;
}

/// Whoever changes the key too early is told, and goes on with the old one.
#[tokio::test]
async fn a_head_whose_account_is_configured_no_more_is_an_alarm() {
    let mut lab = MintLab::new(&[OFTEN]).await;
    until("a head is on its way", || async { lab.heads("contract.anchor_assigned").await.pop() })
        .await;
    let other = "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356";
    lab.kill().await;
    // It is given its role as the server starts.
    lab.proxy.automine(true).await;
    lab.start_again(&[OFTEN, ("CASKCHAIN_CHAIN__ANCHOR_KEY", other)]).await;
    lab.proxy.automine(false).await;
    until("there is an alarm", || async {
        let alarm = "no head is anchored until this account's is settled";
        lab.server.log_text().contains(alarm).then_some(())
    })
    .await;
    lab.kill_and_restart(&[OFTEN]).await;
    lab.until_anchored(1).await;
    lab.isla.cask("K-1").await;
    lab.until_anchored(2).await;
    lab.world.log_is_lawful().await;
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
    assert_eq!(lab.head().await.0, u64::from(size));
}

#[tokio::test]
async fn heads_are_anchored_by_schedule_each_continuing_the_last() {
    let lab = MintLab::new(&[OFTEN, ("CASKCHAIN_LOG__FILTER", "info,commands=debug")]).await;
    lab.until_anchored(1).await;
    let id = lab.ordered("A-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    // Whatever is left of it is anchored, too, and then there is nothing that only anchoring did.
    let idle = || {
        let text = lab.server.log_text();
        let of_contract = |line: &&str| line.to_lowercase().contains(&lab.contract);
        text.lines().filter(of_contract).filter(|line| line.contains("nothing to anchor")).count()
    };
    let idle_since = until("all is anchored", || async {
        lab.proxy.mine(1).await;
        let log = lab.world.log().await;
        let minted = log.iter().rfind(|(_, text)| text.contains("nft.mint_confirmed")).unwrap().0;
        let size = i64::try_from(lab.head().await.0).unwrap();
        let times = idle();
        (size > minted && times > 0).then_some(times)
    })
    .await;
    let before = lab.heads("contract.anchor_assigned").await.len();
    until("it was looked again", || async {
        lab.proxy.mine(1).await;
        (idle() > idle_since + 2).then_some(())
    })
    .await;
    let anchors = lab.heads("contract.anchor_confirmed").await;
    assert_eq!(lab.heads("contract.anchor_assigned").await.len(), before);
    assert!(anchors.len() >= 2, "{anchors:?}");
    let sizes: Vec<_> = anchors.iter().map(|it| it["data"]["anchor"]["size"].as_u64()).collect();
    assert!(sizes.is_sorted(), "{sizes:?}");
    let (size, root) = lab.head().await;
    let last = &anchors[anchors.len() - 1]["data"]["anchor"];
    assert_eq!((last["size"].as_u64(), last["root"].as_str()), (Some(size), Some(&*root)));
    lab.chain_equals_log(&[id]).await;

    let report = auditor_agrees(&lab).await;
    let told = format!("{} heads of {}", anchors.len(), lab.contract);
    assert!(report.to_string().to_lowercase().contains(&told), "{report}");
    let shown = until("the read model has it", || async {
        let all = lab.isla.get("/api/v1/blockchain/contracts").await.expect(200);
        let of_contract = |row: &&Value| {
            row["address"].as_str().is_some_and(|it| it.eq_ignore_ascii_case(&lab.contract))
        };
        let shown = all.data().as_array()?.iter().find(of_contract)?["anchored"].clone();
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
    lab.anchor_from_now_on().await;
    until("there is an alarm", || async {
        lab.proxy.mine(1).await;
        lab.server.log_text().contains("another history of the log is anchored").then_some(())
    })
    .await;
    assert_eq!(lab.heads("contract.anchor_assigned").await.len(), 0);
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
    let assigned = lab.heads("contract.anchor_assigned").await.len();
    lab.until_anchored(assigned).await;
    auditor_agrees(&lab).await;
    lab.world.log_is_lawful().await;
}

#[tokio::test]
async fn a_stolen_nonce_loses_the_head_and_the_next_one_comes() {
    let lab = MintLab::new(&[OFTEN]).await;
    let before = lab.until_anchored(1).await.len();
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    lab.isla.cask("S-1").await;
    until("the next one is signed", || async {
        lab.proxy.mine(1).await;
        (lab.heads("contract.anchor_assigned").await.len() > before).then_some(())
    })
    .await;
    until("the bytes are there", || async {
        let assigned = lab.events("contract.anchor_assigned").await.len();
        (lab.events("lane.attempt_signed").await.len() >= assigned).then_some(())
    })
    .await;
    lab.send_as(ANCHORER, &minter(), vec![]).await;
    until("the slot is lost", || async {
        lab.proxy.mine(1).await;
        lab.events("contract.anchor_slot_lost").await.pop()
    })
    .await;
    lab.proxy.calm();
    lab.resume().await;
    lab.until_anchored(before + 1).await;
    lab.world.log_is_lawful().await;
}
