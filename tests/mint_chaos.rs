//! Minting with everything going wrong at once: the node lies, forgets and is cut off, blocks are
//! taken back, fees jump, old bytes come back, four workers are killed again and again, and NATS and
//! PostgreSQL once each. Once with our contract, which makes no token twice, and once with one that makes
//! whatever it is told to: the worker has to be right without that guard.
//!
//! `CASKCHAIN_CHAOS_MINTS=1000` makes it a long run; `CASKCHAIN_CHAOS_SEED` repeats one's chances.

use std::time::{Duration, Instant};

use crate::world::chain_proxy::{ChainProxy, Fault};
use crate::world::mint_lab::{ADMIN, GWEI, MintLab};
use crate::world::{Person, Server, is_alive, until};

const MINTS: usize = 40;
/// How long everything goes wrong, for a hundred mints.
const CHAOS: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_token_is_minted_once_whatever_goes_wrong() {
    mint_in_a_storm(&mut MintLab::new(&[]).await).await;
}

#[tokio::test]
async fn a_contract_that_makes_tokens_twice_is_never_told_to() {
    let mut lab = MintLab::new(&[]).await;
    lab.take_the_guard_away().await;
    let ids = mint_in_a_storm(&mut lab).await;
    // It would have made one twice, and that would have been seen.
    lab.mint_behind_as(ADMIN, ids[0].parse().unwrap()).await;
    assert_eq!(lab.tokens().await[&ids[0]], 2);
}

/// Mints, and gives the tokens.
async fn mint_in_a_storm(lab: &mut MintLab) -> Vec<String> {
    let mints = std::env::var("CASKCHAIN_CHAOS_MINTS");
    let mints = mints.map_or(MINTS, |count| count.parse().unwrap());
    let mut ids = Vec::with_capacity(mints);
    for number in 0..mints {
        ids.push(lab.approved(&format!("X-{number}")).await);
    }
    let mut workers: Vec<Server> = (1..=3).map(|number| lab.worker(number)).collect();
    rage(&lab.proxy);
    lab.proxy.strict(true);
    let asking = tokio::spawn(ask_for_all(lab.isla.clone(), ids.clone()));
    let length = CHAOS.mul_f64((mints as f64 / 100.0).max(0.5));
    let killed = storm(lab, &mut workers, length).await;
    asking.await.unwrap();
    lab.proxy.calm();
    lab.proxy.next_base_fee(GWEI).await;
    eprintln!("{mints} mints, {killed} workers killed, {:?}", lab.proxy.happened());

    for id in &ids {
        lab.mined_until(id, "CONFIRMED").await;
    }
    lab.chain_equals_log(&ids).await;
    assert_eq!(lab.events("nft.mint_confirmed").await.len(), mints);
    assert_eq!(lab.events("nft.mint_failed").await.len(), 0);
    assert_eq!(lab.events("lane.slot_lost").await.len(), 0);
    assert!(killed > 0 && !lab.proxy.happened().is_empty());
    ids
}

/// The database may be away; then it is asked again.
async fn ask_for_all(isla: Person, ids: Vec<String>) {
    for id in &ids {
        until("the token is asked for", || async {
            let body = serde_json::json!({ "whiskeyId": id });
            let answer = isla.post("/api/v1/nfts/generate", body).await;
            // 409: it was asked for, and the answer got lost.
            [202, 409].contains(&answer.status.as_u16()).then_some(())
        })
        .await;
    }
}

/// What the node does to those who ask it.
fn rage(proxy: &ChainProxy) {
    let send = "eth_sendRawTransaction";
    proxy.sometimes(send, &Fault::CutBefore, 0.05);
    proxy.sometimes(send, &Fault::CutAfter, 0.08);
    proxy.sometimes(send, &Fault::AlreadyKnown, 0.05);
    proxy.sometimes(send, &Fault::ErrorAfter(-32_000, "nonce too low".to_owned()), 0.05);
    proxy.sometimes("eth_getTransactionReceipt", &Fault::Null, 0.1);
    proxy.sometimes("eth_getTransactionCount", &Fault::Stale, 0.1);
    proxy.sometimes("eth_getBlockByNumber", &Fault::Stale, 0.05);
    proxy.sometimes("*", &Fault::Http(500), 0.01);
    proxy.sometimes("*", &Fault::Http(429), 0.01);
    proxy.sometimes("*", &Fault::Slow(Duration::from_millis(200)), 0.02);
    proxy.reinject_sometimes(0.02);
}

/// Blocks come and go, and workers die. Says how many did.
async fn storm(lab: &mut MintLab, workers: &mut [Server], length: Duration) -> usize {
    let (ends, mut killed) = (Instant::now() + length, 0);
    let mut round = 0_u32;
    while Instant::now() < ends {
        round += 1;
        match round % 20 {
            3 => drop(lab.proxy.reorg(1, 0.5).await),
            9 => drop(lab.proxy.reorg(2, 0.5).await),
            15 => drop(lab.proxy.reorg(3, 0.3).await),
            6 => lab.proxy.next_base_fee(u128::from(1 + round % 10) * GWEI).await,
            12 => drop(lab.proxy.reinject().await),
            18 => forget_one(&lab.proxy).await,
            _ => lab.proxy.mine(1).await,
        }
        if round.is_multiple_of(10) {
            let number = (round / 10) as usize % workers.len();
            let worker = &workers[number];
            assert!(is_alive(worker.pid), "a worker ended by itself: {}", worker.log_text());
            worker.signal(rustix::process::Signal::KILL);
            workers[number] = lab.worker(number + 1);
            killed += 1;
        }
        match round {
            45 => {
                lab.world.nats.kill().await.unwrap();
                lab.world.nats.start_again().await.unwrap();
            }
            95 => {
                lab.world.postgres.kill().await.unwrap();
                lab.world.postgres.start_again().await.unwrap();
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    killed
}

/// The pool loses what was sent last.
async fn forget_one(proxy: &ChainProxy) {
    let last = proxy.sent().into_iter().rev().find_map(|sent| sent.transaction);
    if let Some(transaction) = last {
        proxy.drop_from_pool(&transaction.hash).await;
    }
}
