//! Minting, with one thing going wrong at a time.

use serde_json::json;

use crate::world::chain_proxy::Fault;
use crate::world::mint_lab::{GWEI, MINTER, MintLab, minter};
use crate::world::until;

const SEND: &str = "eth_sendRawTransaction";
const RECEIPT: &str = "eth_getTransactionReceipt";

#[tokio::test]
async fn only_a_final_block_confirms_and_a_reorg_before_it_takes_the_mint_back() {
    let lab = MintLab::new(&[]).await;
    let id = lab.ordered("M-1").await;
    lab.until_status(&id, "SUBMITTED").await;
    lab.proxy.mine(1).await;
    let included = lab.until_status(&id, "INCLUDED").await;
    lab.proxy.mine(2).await;
    // The transaction is lost with its block, and nobody puts it back.
    lab.proxy.reorg(3, 0.0).await;
    lab.until_status(&id, "SUBMITTED").await;
    assert_eq!(lab.events("nft.mint_reorged").await.len(), 1);
    let confirmed = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(confirmed["transaction"]["hash"], included["transaction"]["hash"]);
    assert_ne!(confirmed["transaction"]["blockHash"], included["transaction"]["blockHash"]);
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn the_answer_to_a_broadcast_is_not_believed() {
    let lab = MintLab::new(&[]).await;
    let text = |text: &str| text.to_owned();
    let mut ids = Vec::new();
    let lies = [
        Fault::CutAfter,
        Fault::CutBefore,
        Fault::AlreadyKnown,
        Fault::Http(500),
        Fault::Http(429),
        Fault::ErrorAfter(-32_000, text("nonce too low")),
        Fault::Error(-32_000, text("replacement transaction underpriced")),
    ];
    for (number, lie) in lies.iter().enumerate() {
        lab.proxy.next(SEND, 1, lie);
        let id = lab.ordered(&format!("L-{number}")).await;
        lab.mined_until(&id, "CONFIRMED").await;
        ids.push(id);
    }
    lab.proxy.next(RECEIPT, 20, &Fault::Null);
    let id = lab.ordered("L-9").await;
    lab.mined_until(&id, "CONFIRMED").await;
    ids.push(id);
    assert_eq!(lab.events("nft.mint_failed").await.len(), 0);
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn a_stuck_transaction_is_outbid_and_whichever_wins_is_recognised() {
    let lab = MintLab::new(&[]).await;
    lab.proxy.strict(true);
    lab.proxy.next_base_fee(100 * GWEI).await;
    let id = lab.ordered("S-1").await;
    let attempts = lab.until_sent(0, 3).await;
    for two in attempts.windows(2) {
        assert!(two[1].max_fee * 1000 >= two[0].max_fee * 1125, "{two:?}");
        assert!(two[1].tip * 1000 >= two[0].tip * 1125, "{two:?}");
    }
    // The pool forgets all of them, and the oldest comes back from somewhere.
    for attempt in lab.sent_for(0) {
        lab.proxy.drop_from_pool(&attempt.hash).await;
    }
    lab.proxy.away(true);
    lab.proxy.next_base_fee(GWEI).await;
    let sent = lab.proxy.sent();
    let of_mint = |hash: &String| *hash == attempts[0].hash;
    let first = sent.iter().find(|it| it.transaction.as_ref().is_some_and(|it| of_mint(&it.hash)));
    let first = first.unwrap().clone();
    lab.proxy.ask(SEND, json!([first.raw])).await;
    lab.proxy.mine(1).await;
    lab.proxy.away(false);
    let confirmed = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(confirmed["transaction"]["hash"], first.transaction.unwrap().hash);
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn nothing_is_offered_beyond_the_cap() {
    let lab = MintLab::new(&[("CASKCHAIN_CHAIN__MAX_FEE_GWEI", "20")]).await;
    lab.proxy.strict(true);
    lab.proxy.next_base_fee(50 * GWEI).await;
    lab.proxy.mine(1).await;
    let id = lab.ordered("F-1").await;
    let held = lab.until_status(&id, "HELD").await;
    assert_eq!(held["hold"], "fee_cap");
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 0);
    lab.proxy.next_base_fee(GWEI).await;
    let confirmed = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(confirmed["hold"], json!(null));
    assert!(lab.proxy.sent().iter().all(|sent| {
        sent.transaction.as_ref().is_none_or(|it| it.max_fee <= 20 * GWEI || it.sender != minter())
    }));
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn without_funds_a_mint_waits_and_costs_no_nonce() {
    let lab = MintLab::new(&[]).await;
    lab.proxy.set_balance(&minter(), 1_000).await;
    let id = lab.ordered("B-1").await;
    let held = lab.until_status(&id, "HELD").await;
    assert_eq!(held["hold"], "funds");
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 0);
    lab.proxy.set_balance(&minter(), 1_000_000_000 * GWEI).await;
    lab.mined_until(&id, "CONFIRMED").await;
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn what_the_contract_would_refuse_waits_and_costs_no_nonce() {
    let lab = MintLab::new(&[]).await;
    lab.let_mint(false).await;
    let id = lab.ordered("R-0").await;
    let held = lab.until_status(&id, "HELD").await;
    assert_eq!(held["hold"], "refused");
    let reason = held["reason"].as_str().unwrap();
    let expected = format!("AccessControlUnauthorizedAccount({}, 0x", minter());
    assert!(reason.starts_with(&expected), "{reason}");
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 0);
    lab.let_mint(true).await;
    let confirmed = lab.mined_until(&id, "CONFIRMED").await;
    assert!(confirmed["reason"].is_null() && confirmed["hold"].is_null(), "{confirmed}");
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn a_mint_that_reverts_has_failed_when_its_block_is_final_and_can_be_asked_for_again() {
    let lab = MintLab::new(&[]).await;
    // Signed while the contract would do it, sent when it does no more.
    lab.proxy.sometimes(SEND, &Fault::CutBefore, 1.0);
    let id = lab.ordered("R-1").await;
    until("it is signed", || async { lab.events("lane.attempt_signed").await.pop() }).await;
    lab.let_mint(false).await;
    lab.proxy.calm();
    let failed = lab.mined_until(&id, "FAILED").await;
    assert_eq!(failed["failure"], "reverted_at_finality");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.starts_with("AccessControlUnauthorizedAccount("), "{reason}");
    let cask = lab.isla.get(&format!("/api/v1/whiskeys/{id}")).await.expect(200);
    assert_eq!(cask.data()["status"], "APPROVED");

    lab.let_mint(true).await;
    lab.isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": id })).await.expect(202);
    lab.mined_until(&id, "CONFIRMED").await;
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn a_key_that_somebody_else_uses_shuts_its_lane_and_the_mint_goes_by_another() {
    // anvil's third account, whose key is public knowledge as well.
    let other = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
    let keys = format!("[\"{other}\"]");
    let lab = MintLab::new(&[("CASKCHAIN_CHAIN__SIGNER_KEYS", &keys)]).await;
    // The chain has heard nothing of it when the nonce is spent.
    lab.proxy.sometimes(SEND, &Fault::CutBefore, 1.0);
    let id = lab.ordered("K-1").await;
    let lane =
        until("a nonce is assigned", || async { lab.events("lane.attempt_signed").await.pop() })
            .await;
    let by_minter = lane["aggregateId"].as_str().unwrap().ends_with(&minter());
    let foreign = lab.send_as(if by_minter { MINTER } else { other }, &minter(), vec![]).await;
    lab.proxy.mine(5).await;
    let lost = until("the slot is lost", || async {
        lab.proxy.mine(1).await;
        lab.events("lane.slot_lost").await.pop()
    })
    .await;
    assert_eq!(lost["data"]["evidence"]["txHash"], foreign);
    assert_eq!(lab.events("lane.quarantined").await.len(), 1);
    lab.proxy.calm();
    let confirmed = lab.mined_until(&id, "CONFIRMED").await;
    assert_ne!(
        format!("31337-{}", confirmed["transaction"]["signer"].as_str().unwrap()),
        lane["aggregateId"].as_str().unwrap()
    );
    assert_eq!(lab.tokens().await.into_iter().collect::<Vec<_>>(), [(id, 1)]);
    assert!(lab.server.log_text().contains("ALARM"));
}

#[tokio::test]
async fn nothing_is_signed_for_another_chain_than_the_configured_one() {
    let lab = MintLab::new(&[]).await;
    lab.proxy.next("eth_getBlockByNumber", 1, &Fault::CutBefore);
    lab.proxy.pretend_chain_id(Some(1));
    let id = lab.ordered("W-1").await;
    lab.until_status(&id, "PINNED").await;
    until("the lane is refused the node", || async {
        let log = lab.server.log_text();
        let refused = |line: &str| {
            line.contains("the lane was not driven") && line.contains("is on chain 1, configured")
        };
        log.lines().any(refused).then_some(())
    })
    .await;
    assert_eq!(lab.status(&id).await, "PINNED");
    // Who made the contract may have sent that more than once.
    assert!(lab.sent_for(0).is_empty());
    lab.proxy.pretend_chain_id(None);
    lab.mined_until(&id, "CONFIRMED").await;
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn a_final_block_that_is_taken_back_is_an_alarm_and_changes_nothing() {
    let lab = MintLab::new(&[]).await;
    let before = lab.proxy.snapshot().await;
    let id = lab.ordered("A-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    let next = lab.ordered("A-2").await;
    lab.until_status(&next, "SUBMITTED").await;
    lab.proxy.mine(6).await;
    lab.proxy.revert(before).await;
    lab.proxy.set_balance(&minter(), 9_999 * GWEI * GWEI).await;
    until("there is an alarm", || async {
        lab.proxy.mine(1).await;
        lab.server.log_text().contains("a final block was taken back").then_some(())
    })
    .await;
    assert_eq!(lab.status(&id).await, "CONFIRMED");
    // Nothing new is begun.
    let third = lab.ordered("A-3").await;
    lab.until_status(&third, "PINNED").await;
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 2);
}

#[tokio::test]
async fn killed_after_each_step_it_goes_on_from_the_log() {
    let mut lab = MintLab::new(&[]).await;
    let steps = [
        "nft.mint_requested",
        "nft.metadata_pinned",
        "lane.nonce_assigned",
        "lane.attempt_signed",
        "nft.mint_submitted",
        "nft.mint_included",
        "nft.mint_confirmed",
    ];
    let mut ids = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let before = lab.events(step).await.len();
        let id = lab.ordered(&format!("Z-{number}")).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while lab.events(step).await.len() == before {
            lab.proxy.mine(1).await;
            assert!(std::time::Instant::now() < deadline, "{step} is not written");
        }
        lab.kill_and_restart(&[]).await;
        lab.mined_until(&id, "CONFIRMED").await;
        ids.push(id);
    }
    lab.chain_equals_log(&ids).await;
}

#[tokio::test]
async fn a_mint_whose_message_is_lost_with_its_stream_is_swept_up() {
    let mut lab = MintLab::new(&[]).await;
    // The network is away, so that the mint is still waiting when its message goes.
    lab.proxy.away(true);
    let id = lab.ordered("D-1").await;
    lab.until_status(&id, "PINNED").await;
    let client = eventstore::stream::connect(&lab.world.nats.url()).await.unwrap();
    let jetstream = eventstore::stream::jetstream(client);
    jetstream.delete_stream(eventstore::stream::NAME).await.unwrap();
    lab.proxy.away(false);
    lab.kill_and_restart(&[]).await;
    lab.mined_until(&id, "CONFIRMED").await;
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn who_holds_a_token_is_what_final_blocks_say_and_the_owner_stays_the_owner() {
    let lab = MintLab::new(&[]).await;
    // anvil's sixth account, whose key is public knowledge.
    let (key, holder) = (
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
    );
    let buyer = "0x976ea74026e726554db657fa54763abd0c3a0aa9";
    let id = lab.approved("T-1").await;
    let wanted = json!({ "whiskeyId": id, "recipient": holder });
    lab.isla.post("/api/v1/nfts/generate", wanted).await.expect(202);
    let minted = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(minted["holder"], holder);

    lab.transfer(key, holder, buyer, &id).await;
    // Not before it is final.
    lab.proxy.mine(2).await;
    lab.proxy.reorg(3, 0.0).await;
    lab.proxy.mine(8).await;
    lab.transfer(key, holder, buyer, &id).await;
    let moved = until("the token has moved", || async {
        lab.proxy.mine(1).await;
        let nft = lab.isla.get(&format!("/api/v1/nfts/{id}")).await.data().clone();
        (nft["holder"] == buyer).then_some(nft)
    })
    .await;
    assert_eq!(moved["owner"], minted["owner"]);
    assert_eq!(lab.events("nft.transferred").await.len(), 1);
    assert_eq!(moved["status"], "CONFIRMED");
}

#[tokio::test]
async fn a_token_that_nobody_asked_for_is_an_alarm() {
    let lab = MintLab::new(&[]).await;
    let id = lab.ordered("U-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    // One of them has a number that no cask can have; what comes after it is seen all the same.
    let tokens = [u128::from(u64::MAX), 4_711];
    for token in tokens {
        lab.mint_behind(token).await;
    }
    until("there are alarms", || async {
        lab.proxy.mine(1).await;
        let log = lab.server.log_text();
        let told = |token: u128| {
            let of_token = |line: &&str| line.contains(&token.to_string());
            log.lines()
                .filter(of_token)
                .any(|it| it.contains("nobody here has asked for this token"))
        };
        tokens.into_iter().all(told).then_some(())
    })
    .await;
}
