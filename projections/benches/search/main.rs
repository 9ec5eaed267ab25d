//! Measures the catalogue and the search over a million casks: a file of them is imported as
//! `caskchain import` does it, the read models fold it, and fifty people at once ask.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod asking;
mod casks;
mod chance;
mod pages;
mod report;
mod searches;
mod upload;
mod world;

use std::time::Instant;

use report::Findings;
use world::World;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many casks. Fewer, for a quicker look.
fn casks() -> u64 {
    let fewer = std::env::var("CASKCHAIN_BENCH_CASKS").ok();
    fewer.map_or(1_000_000, |fewer| fewer.parse().unwrap())
}

#[tokio::main]
async fn main() {
    if std::env::var_os(upload::SERVE).is_some() {
        return upload::serve().await;
    }
    let world = World::start().await;
    let owner = world.owner().await;
    let file = world.folder.path().join("casks.csv");
    let began = Instant::now();
    casks::write(&file, casks());
    eprintln!("{} casks are written to a file, {:.1?}", casks(), began.elapsed());

    let imported = world.import(&file, owner).await;
    let folded = world.fold(casks()).await;
    world.settle().await;
    let readers = world.readers();
    let searches = searches::measure(&readers).await;
    let pages = pages::measure(&readers, &world).await;
    let upload_mib = upload::measure(&world).await;

    report::print(&Findings { casks: casks(), imported, folded, searches, pages, upload_mib });
    world.stop().await;
}
