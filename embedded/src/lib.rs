//! Starts what the project needs to run with nothing configured: a private PostgreSQL, a
//! nats-server with JetStream and a development chain, as child processes on free loopback
//! ports, with all their data below one folder.
//!
//! - No child outlives this process, not even its `kill -9`: each runs under a small guard
//!   that holds the end of a pipe only we have the other end of.
//! - The next start on the same folder goes on with the same data; two at once are refused.
//! - Programs that are not installed are fetched, at pinned versions, into a cache folder.
//!
//! # When we are root
//! PostgreSQL refuses to be root, so it runs as `postgres`, or `nobody`. If that account
//! cannot get into the data folder (one below /root, say) PostgreSQL's part of the data is in
//! /var/lib/caskchain, under a random name that belongs to the data folder; the file
//! `postgres/DATA_IS_ELSEWHERE` in the data folder says where.

mod account;
mod chain;
mod chain_keeper;
mod chain_rpc;
mod chain_state;
mod cluster;
mod error;
mod find;
mod folder;
mod guard;
mod install;
mod nats;
mod node_packages;
mod packages;
mod port;
mod postgres;
mod processes;

use std::path::Path;
use std::sync::Arc;

pub use chain::{CHAIN_ID, Chain, ChainOptions, FINALITY_LAG};
pub use error::EmbeddedError;
pub use find::postgres_program;
pub use folder::DataFolder;
pub use nats::Nats;
pub use node_packages::node_packages;
pub use postgres::{Postgres, PostgresOptions};

/// Called with one sentence for people per step that takes time, such as an installation.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// Options of all components.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddedOptions {
    /// PostgreSQL's.
    pub postgres: PostgresOptions,
    /// The chain's.
    pub chain: ChainOptions,
}

/// All three components. Dropping it ends them too, without the order of [`stop`](Self::stop).
#[derive(Debug)]
pub struct Embedded {
    /// The database server.
    pub postgres: Postgres,
    /// The message server.
    pub nats: Nats,
    /// The development chain.
    pub chain: Chain,
    folder: DataFolder,
}

impl Embedded {
    /// Locks the folder and starts all three at once.
    ///
    /// # Errors
    /// The first of them that does not start; the others are ended.
    pub async fn start(path: impl AsRef<Path>, progress: &Progress) -> Result<Self, EmbeddedError> {
        Self::start_with(path, progress, EmbeddedOptions::default()).await
    }

    /// As [`start`](Self::start), with options.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        path: impl AsRef<Path>,
        progress: &Progress,
        options: EmbeddedOptions,
    ) -> Result<Self, EmbeddedError> {
        let folder = DataFolder::open(path)?;
        let (postgres, nats, chain) = tokio::try_join!(
            Postgres::start_with(&folder, progress, options.postgres),
            Nats::start(&folder, progress),
            Chain::start_with(&folder, progress, options.chain),
        )?;
        Ok(Self { postgres, nats, chain, folder })
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Completes with the name of the first component that ends; for a supervisor.
    pub async fn exited(&self) -> &'static str {
        tokio::select! {
            () = self.postgres.exited() => "PostgreSQL",
            () = self.nats.exited() => "nats-server",
            () = self.chain.exited() => "anvil",
        }
    }

    /// Stops all three in order and gives the folder free.
    ///
    /// # Errors
    /// The first failure; the others are stopped all the same.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        let (postgres, nats, chain) =
            tokio::join!(self.postgres.stop(), self.nats.stop(), self.chain.stop());
        postgres.and(nats).and(chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles only if a caller may `tokio::spawn` what it gets.
    #[tokio::test]
    async fn futures_can_change_threads() {
        fn check(_: impl Send) {}
        fn shared(_: &(impl Send + Sync)) {}
        let progress: Progress = Arc::new(|_: &str| ());
        check(Embedded::start("/nonexistent", &progress));
        let component = async |mut embedded: Embedded| {
            shared(&embedded);
            check(embedded.exited());
            check(embedded.postgres.start_again());
            check(embedded.nats.start_again());
            check(embedded.chain.start_again());
            check(embedded.stop());
        };
        check(component);
    }
}
