//! Measures signing in, refreshing and judging tokens over HTTP: the real binary with the role `api`
//! on one core of its own, over private services, with everything else of the platform beside it;
//! then other people's servers in its place.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod arrivals;
mod bare_hashes;
mod child;
mod clients;
mod closed_loop;
mod others;
mod population;
mod report;
mod scale;
mod server;
mod sign_outs;
mod world;

use std::sync::Arc;
use std::time::Instant;

use bare_hashes::{BARE_HASHES, Bare};
use clients::Clients;
use closed_loop::closed_loop;
use report::{Findings, SignIns};
use scale::{REFRESHING_AT_ONCE, SIGNING_IN_AT_ONCE, SPAN, VERIFYING_AT_ONCE, WARM_UP};
use server::Server;
use world::World;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let bare = arguments.iter().position(|argument| argument == BARE_HASHES);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match bare {
            Some(at) => bare_hashes::make(&arguments[at + 1]).await,
            None => measure().await,
        }
    });
}

async fn measure() {
    let world = World::start().await;
    let platform = world.platform().await;
    let people = population::load(&platform).await;
    world.settle(&platform).await;
    child::leave_the_core();

    let server = Server::start(&world, "one").await;
    let clients = Arc::new(Clients::sign_in(&server, people).await);
    eprintln!("arrivals for {:?}", WARM_UP + SPAN);
    let connections = world.count_connections();
    let outcomes = arrivals::arrivals(&clients).await;
    let db_connections = connections.most().await;
    let rss_mib = server.child.resident_mib();

    eprintln!("closed loops");
    let sign_ins = sign_ins(&world, &server, &clients).await;
    let refreshes = closed_loop(REFRESHING_AT_ONCE, || clients.refreshes()).await;
    let verifications =
        closed_loop(VERIFYING_AT_ONCE, || clients.service_verifies(clients.next())).await;

    eprintln!("sign-outs");
    let other = Server::start(&world, "other").await;
    let sign_outs = sign_outs::sign_outs(&clients, &other).await;
    drop((server, other));
    let others = others::measure(&world).await;

    report::print(&Findings {
        outcomes,
        rss_mib,
        db_connections,
        sign_ins,
        refreshes,
        verifications,
        sign_outs,
        others,
    });
    platform.stop().await;
    world.stop().await;
}

/// As many as can, between bare hashes.
async fn sign_ins(world: &World, server: &Server, clients: &Clients) -> SignIns {
    let before = Bare::measure(world.folder.path()).await;
    let (worked, began) = (server.child.worked_s(), Instant::now());
    let pace = closed_loop(SIGNING_IN_AT_ONCE, || clients.signs_in()).await;
    let (worked, took) = (server.child.worked_s() - worked, began.elapsed().as_secs_f64());
    let after = Bare::measure(world.folder.path()).await;
    SignIns {
        pace,
        busy: worked / took,
        cpu_ms: worked / f64::from(pace.rounds) * 1e3,
        bare: before.midpoint(after),
    }
}
