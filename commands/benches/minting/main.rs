//! Measures minting against the chain's own limit: as many tokens as the chain takes when it is given
//! transactions that were signed before, and as many as the lanes make of mints that wait for their nonces,
//! and of requests, on one lane and on four; with 25 tokens to a transaction, as the worker does it, and
//! with one.
//!
//! The chain makes a block a second, as large as Ethereum's were when this was written for. What the
//! contract executes, and what the usual one does, its own tools measure on a chain of their own.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod casks;
mod limit;
mod node;
#[path = "../../tests/contract/toolbox.rs"]
mod toolbox;
mod world;

use std::time::Duration;

use casks::Ours;
use toolbox::Toolbox;
use world::World;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many are asked for at once, unless `CASKCHAIN_BENCH_MINTS` says otherwise.
const MINTS: usize = 1_000;
/// How often, since a block is a second and a thousand tokens are two.
pub const ROUNDS: usize = 3;
/// The platform's default.
const TOGETHER: usize = 25;

/// So many lanes, and so many tokens to a transaction.
#[derive(Clone, Copy)]
pub struct Shape {
    pub lanes: usize,
    pub together: usize,
}

#[tokio::main]
async fn main() {
    let (gas_per_mint, gas_reference) = gas_of_execution().await;
    let world = World::start().await;
    let mints = std::env::var("CASKCHAIN_BENCH_MINTS");
    let mints = mints.map_or(MINTS, |more| more.parse().unwrap());
    let (mut of_limit, mut from_request, mut gas_together) = (Vec::new(), Vec::new(), 0);
    for together in [TOGETHER, 1] {
        for lanes in [1, 4] {
            let shape = Shape { lanes, together };
            let limit = limit::measure(&world, shape, mints).await;
            let Ours { from_request: asked, from_waiting: ours, gas } =
                casks::measure(&world, shape, mints).await;
            if together == TOGETHER {
                gas_together = gas;
            }
            let per_s = |took: Duration| (ROUNDS * mints) as f64 / took.as_secs_f64();
            println!(
                "{lanes} lane(s), {together} to a transaction: the chain's limit {:.0} mints/s, ours \
                 {:.0} mints/s of those that wait, {:.0} mints/s from their requests, {gas} gas a mint",
                per_s(limit),
                per_s(ours),
                per_s(asked) / ROUNDS as f64,
            );
            of_limit.push(limit.as_secs_f64() / ours.as_secs_f64());
            from_request.push(limit.as_secs_f64() / ROUNDS as f64 / asked.as_secs_f64());
        }
    }
    println!(
        "\nRESULT of_limit_1={:.2} of_limit_4={:.2} gas_per_mint={gas_per_mint} \
         gas_reference={gas_reference} alone_1={:.2} alone_4={:.2} gas_together={gas_together} \
         from_request_1={:.2} from_request_4={:.2}",
        of_limit[0], of_limit[1], of_limit[2], of_limit[3], from_request[0], from_request[1],
    );
    world.stop().await;
}

/// What the contract executes in a mint, and what OpenZeppelin's parts alone do, without what every
/// transaction pays.
async fn gas_of_execution() -> (u64, u64) {
    let toolbox = Toolbox::open().await;
    toolbox.run(&["test"]).await;
    let report = toolbox.run(&["anvil"]).await;
    let figure = |name: &str| {
        let found = report.split_whitespace().find_map(|word| word.strip_prefix(name));
        found.unwrap().parse().unwrap()
    };
    (figure("gas_per_mint="), figure("gas_reference="))
}
