//! What the chain takes: mints that were signed before, handed over as fast as it goes.

use std::time::{Duration, Instant};

use commands::outside::chain::{Chain, Mint, Signer, Spending};
use commands::outside::ethers::Account;
use domain::id::WhiskeyId;

use crate::world::World;
use crate::{ROUNDS, Shape};

/// No cask has such an id.
const FIRST_TOKEN: i64 = 1_000_000_000;
const AT_ONCE: usize = 100;

/// How long the chain takes for so many mints, from the first that is sent to the last in a block; of several
/// times all.
pub async fn measure(world: &World, shape: Shape, mints: usize) -> Duration {
    let mut all = Duration::ZERO;
    for round in 0..ROUNDS {
        all += once(world, shape, mints, round).await;
    }
    all
}

async fn once(world: &World, shape: Shape, mints: usize, round: usize) -> Duration {
    let accounts = world.accounts_for_limit(shape.lanes);
    let mut signed = Vec::new();
    for (lane, account) in accounts.iter().enumerate() {
        signed.push(sign(world, account, lane, shape, (mints / shape.lanes, round)).await);
    }
    let (contract, height) = (world.contract.to_string(), world.node.next_block().await);
    let began = Instant::now();
    let sending = signed.iter().map(|of_lane| async {
        for some in of_lane.chunks(AT_ONCE) {
            world.network.broadcast(some).await;
        }
    });
    futures::future::join_all(sending).await;
    world.node.until(&contract, height, mints).await;
    began.elapsed()
}

async fn sign(
    world: &World,
    account: &Account,
    lane: usize,
    shape: Shape,
    (mints, round): (usize, usize),
) -> Vec<String> {
    let fees = world.network.fees().await.unwrap();
    let first = world.node.count(&account.address().to_string()).await;
    let tokens = (((shape.together * 10 + shape.lanes) * 10 + lane) * ROUNDS + round) * 100_000;
    let mint = |number: usize| Mint {
        recipient: account.address(),
        token: WhiskeyId::new(FIRST_TOKEN + (tokens + number) as i64),
        digest: [7; 32],
    };
    let all: Vec<Mint> = (0..mints).map(mint).collect();
    let mut signed = Vec::with_capacity(mints);
    for (number, together) in all.chunks(shape.together).enumerate() {
        let mints = Spending::Mints { contract: world.contract, mints: together.to_vec() };
        let attempt = account.sign(first + number as u64, &mints, fees).await.unwrap();
        signed.push(attempt.raw);
    }
    signed
}
