//! HTTP, command line, configuration and wiring: everything that makes the parts one program.

pub mod audit;
pub mod config;
pub mod content;
pub mod demo;
pub mod dev;
pub mod document;
pub mod http;
pub mod import;
pub mod keys;
pub mod ledger;
pub mod logging;
pub mod metrics;
pub mod networks;
mod pins;
mod post;
pub mod resources;
pub mod role;
pub mod serve;
pub mod setup;
pub mod signer;
mod storage;
pub mod sweep;
mod texter;
pub mod wiring;
mod write_side;
