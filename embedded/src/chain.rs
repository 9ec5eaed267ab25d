//! A private development chain: anvil, with blocks that become final and survive a restart.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::chain_keeper::Keeper;
use crate::chain_rpc::ChainRpc;
use crate::chain_state::ChainState;
use crate::guard::{Guarded, Orders};
use crate::processes::end_leftovers;
use crate::{DataFolder, EmbeddedError, Progress, find, port};

/// The chain's id.
pub const CHAIN_ID: u64 = 31_337;

/// The block with the tag `finalized` is so many blocks before `latest`: anvil takes two epochs for
/// it, and unless the options say otherwise an epoch is one slot.
pub const FINALITY_LAG: u64 = 2;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(3);
const LAST_COPY_LIMIT: Duration = Duration::from_secs(30);

/// The key of anvil's first account. Public knowledge, the same in every anvil in the world:
/// it guards nothing and must never be used on another chain.
const DEV_PRIVATE_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// How the chain behaves.
#[derive(Clone, Copy, Debug)]
pub struct ChainOptions {
    /// Mine empty blocks until the last block that has transactions is final. On by default;
    /// tests that decide themselves when a block is mined switch it off.
    pub heartbeat: bool,
    /// The block with the tag `finalized` is twice so many blocks before `latest`: 1 by default.
    /// A test that reorganises deeper, above what is final, needs more.
    pub slots_in_an_epoch: u64,
    /// EIP-155: which chain it says it is.
    pub chain_id: u64,
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self { heartbeat: true, slots_in_an_epoch: 1, chain_id: CHAIN_ID }
    }
}

impl ChainOptions {
    pub(crate) fn finality_lag(self) -> u64 {
        FINALITY_LAG * self.slots_in_an_epoch
    }
}

/// A development chain with blocks of its own.
pub struct Chain {
    server: Option<Guarded>,
    keeper: Option<Keeper>,
    program: PathBuf,
    port: u16,
    folder: DataFolder,
    options: ChainOptions,
}

impl Chain {
    /// Starts the chain where it was when it was stopped, or a new one.
    ///
    /// # Errors
    /// Says what is missing, or ends in the last lines of the chain's log.
    pub async fn start(folder: &DataFolder, progress: &Progress) -> Result<Self, EmbeddedError> {
        Self::start_with(folder, progress, ChainOptions::default()).await
    }

    /// As [`start`](Self::start), with options.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        folder: &DataFolder,
        progress: &Progress,
        options: ChainOptions,
    ) -> Result<Self, EmbeddedError> {
        let mut chain = Self {
            server: None,
            keeper: None,
            program: find::anvil(progress).await?,
            port: 0,
            folder: folder.clone(),
            options,
        };
        // Somebody else may take the port between our look at it and the chain's.
        for attempt in 1.. {
            chain.port = port::free()?;
            match chain.start_again().await {
                Err(_) if attempt < 3 && !port::is_free(chain.port) => {}
                done => {
                    done?;
                    break;
                }
            }
        }
        Ok(chain)
    }

    /// Starts it again, on the same port with the same data, after a stop, a kill or a crash; one
    /// that still runs is killed first.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), EmbeddedError> {
        self.kill().await?;
        let home = self.folder.below("chain")?;
        // anvil's own scratch files; they are worth nothing to the next anvil.
        let scratch = home.join("scratch");
        end_leftovers("anvil", &scratch).await;
        if scratch.exists() {
            fs::remove_dir_all(&scratch)
                .map_err(EmbeddedError::io(format!("remove {}", scratch.display())))?;
        }
        let scratch = self.folder.below("chain/scratch")?;
        let state = ChainState::below(&home);
        let mut arguments = arguments(self.port, self.options);
        arguments.extend(["--cache-path".into(), scratch.clone().into()]);
        let plain = scratch.join("load.json");
        if state.unpack(&plain)? {
            // Loaded before it listens: nobody ever sees the chain without its blocks.
            arguments.extend(["--load-state".into(), plain.clone().into()]);
        }
        let server = Guarded::spawn(Orders {
            component: "anvil",
            program: self.program.clone(),
            arguments,
            // The keeper's copy is all that is needed, so there is nothing to be waited for.
            stop_signal: "KILL",
            grace: Duration::ZERO,
            sweep: None,
            account: None,
            environment: None,
            log: self.folder.log("chain"),
        })
        .await?;
        let rpc = ChainRpc::new(&self.url())?;
        server.until_ready(START_LIMIT, || rpc.answers()).await?;
        let _ = fs::remove_file(&plain);
        self.keeper = Some(Keeper::start(rpc, state, self.options)?);
        self.server = Some(server);
        Ok(())
    }

    /// The address for JSON-RPC.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The private key of an account with 10 000 coins. It is anvil's well-known first one,
    /// which the whole world has: fit for development only.
    #[must_use]
    pub fn dev_private_key(&self) -> &'static str {
        DEV_PRIVATE_KEY
    }

    /// The process id of anvil; 0 while it is stopped.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.as_ref().map_or(0, Guarded::pid)
    }

    /// Whether anvil runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.server.as_ref().is_some_and(Guarded::is_alive)
    }

    /// Completes when anvil has ended, for whatever reason.
    pub async fn exited(&self) {
        if let Some(server) = &self.server {
            server.ended().await;
        }
    }

    /// Stops it after everything on it has been written to disk.
    ///
    /// # Errors
    /// If the last copy could not be written, or anvil lives on even after SIGKILL.
    pub async fn stop(&mut self) -> Result<(), EmbeddedError> {
        if !self.is_alive() {
            return self.kill().await;
        }
        let kept = match self.keeper.take() {
            Some(keeper) => keeper.finish(LAST_COPY_LIMIT).await,
            None => Ok(()),
        };
        if let Some(server) = &self.server {
            server.stop(Signal::TERM, STOP_LIMIT).await?;
        }
        self.server = None;
        kept
    }

    /// Kills it at once: what happened in about the last second is lost, as in a crash.
    ///
    /// # Errors
    /// If it lives on.
    pub async fn kill(&mut self) -> Result<(), EmbeddedError> {
        let keeper = self.keeper.take();
        if let Some(server) = &self.server {
            server.kill().await?;
        }
        self.server = None;
        // Its calls fail now; it must not write once the next start has read.
        if let Some(keeper) = keeper {
            keeper.abandon().await;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Chain")
            .field("port", &self.port)
            .field("pid", &self.pid())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn arguments(port: u16, options: ChainOptions) -> Vec<OsString> {
    let port = port.to_string();
    let slots = options.slots_in_an_epoch.to_string();
    let chain = options.chain_id.to_string();
    [
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--chain-id",
        &chain,
        "--slots-in-an-epoch",
        &slots,
        // It would otherwise log every call, the keeper's five a second among them.
        "--silent",
    ]
    .iter()
    .map(OsString::from)
    .collect()
}
