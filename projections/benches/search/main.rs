//! Measures the catalogue and the search over a million casks: a file of them is imported as
//! `caskchain import` does it, the read models fold it, and fifty people at once ask.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod asking;
mod casks;
mod chance;
mod loading;
mod pages;
mod report;
mod searches;
mod upload;
mod world;

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

/// Everything is measured, unless `CASKCHAIN_BENCH_ONLY` names some of `search,pages,upload`, or
/// `load`: then nothing is.
fn is_wanted(part: &str) -> bool {
    let only = std::env::var("CASKCHAIN_BENCH_ONLY").ok();
    only.is_none_or(|only| only.split(',').any(|wanted| wanted == part))
}

#[tokio::main]
async fn main() {
    if std::env::var_os(upload::SERVE).is_some() {
        return upload::serve().await;
    }
    let world = World::start().await;
    let (readers, mut findings) = (world.readers(), Findings::of(loading::load(&world).await));
    if is_wanted("search") {
        findings.searches = Some(searches::measure(&readers).await);
    }
    if is_wanted("pages") {
        findings.pages = Some(pages::measure(&readers, &world).await);
    }
    if is_wanted("upload") {
        findings.upload_mib = Some(upload::measure(&world).await);
    }
    report::print(&findings);
    world.stop().await;
}
