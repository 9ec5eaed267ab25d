//! What the chain takes: mints that were signed before, handed over as fast as it goes.

use std::time::{Duration, Instant};

use commands::outside::chain::{Chain, Mint, Signer, Spending};
use commands::outside::ethers::Account;
use domain::id::WhiskeyId;

use crate::world::World;

/// No cask has such an id.
const FIRST_TOKEN: i64 = 1_000_000_000;
const AT_ONCE: usize = 100;

/// How long the chain takes for so many mints, from the first that is sent to the last in a block.
pub async fn measure(world: &World, lanes: usize, mints: usize) -> Duration {
    let accounts = world.accounts_for_limit(lanes);
    let mut signed = Vec::new();
    for (lane, account) in accounts.iter().enumerate() {
        signed.push(sign(world, account, lane, lanes, mints / lanes).await);
    }
    let names: Vec<String> = accounts.iter().map(|account| account.address().to_string()).collect();
    let mut before = 0;
    for name in &names {
        before += world.node.count(name).await;
    }
    let began = Instant::now();
    let sending = signed.iter().map(|of_lane| async {
        for some in of_lane.chunks(AT_ONCE) {
            world.network.broadcast(some).await;
        }
    });
    futures::future::join_all(sending).await;
    world.node.until(&names, before + mints as u64).await;
    began.elapsed()
}

async fn sign(
    world: &World,
    account: &Account,
    lane: usize,
    lanes: usize,
    mints: usize,
) -> Vec<String> {
    let fees = world.network.fees().await.unwrap();
    let first = world.node.count(&account.address().to_string()).await;
    let mut signed = Vec::with_capacity(mints);
    for number in 0..mints {
        let token = ((lanes * 10 + lane) * 100_000 + number) as i64;
        let mint = Spending::Mint(Mint {
            contract: world.contract,
            recipient: account.address(),
            token: WhiskeyId::new(FIRST_TOKEN + token),
            digest: [7; 32],
        });
        let attempt = account.sign(first + number as u64, &mint, fees).await.unwrap();
        signed.push(attempt.raw);
    }
    signed
}
