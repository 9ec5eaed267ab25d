//! Measures minting against the chain's own limit: as many mints as the chain takes when it is given
//! transactions that were signed before, and as many as come of requests, on one lane and on four.
//!
//! The chain makes a block a second, as large as Ethereum's were when this was written for.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod casks;
mod limit;
mod node;
mod world;

use std::time::Duration;

use world::World;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MINTS: usize = 1_000;
/// A gas price is no secret between these two: what a transaction costs before it does anything.
const INTRINSIC: u64 = 21_000;

#[tokio::main]
async fn main() {
    let world = World::start().await;
    let mut of_limit = Vec::new();
    let mut gas = 0;
    for lanes in [1, 4] {
        let limit = limit::measure(&world, lanes, MINTS).await;
        let (ours, gas_used) = casks::measure(&world, lanes, MINTS).await;
        gas = gas_used;
        let per_s = |took: Duration| MINTS as f64 / took.as_secs_f64();
        println!(
            "{lanes} lane(s): the chain's limit {:.0} mints/s, ours {:.0} mints/s",
            per_s(limit),
            per_s(ours)
        );
        of_limit.push(limit.as_secs_f64() / ours.as_secs_f64());
    }
    println!(
        "\nRESULT of_limit_1={:.2} of_limit_4={:.2} gas_per_mint={} gas_of_transaction={gas}",
        of_limit[0],
        of_limit[1],
        gas.saturating_sub(INTRINSIC),
    );
    world.stop().await;
}
