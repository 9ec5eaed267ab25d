//! Keeps the development chain going: lets its last transaction become final, and keeps a copy
//! of the chain on disk.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::EmbeddedError;
use crate::chain::ChainOptions;
use crate::chain_rpc::{Block, ChainRpc};
use crate::chain_state::ChainState;

/// How often the chain is looked at; transactions can come from anybody.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The pace of the empty blocks.
const MINE_EVERY: Duration = Duration::from_millis(250);
/// How old the copy on disk may get while the chain changes …
const KEEP_EVERY: Duration = Duration::from_millis(500);
/// … unless making it takes longer than one part in so many of the time.
const KEEP_SHARE: u32 = 10;

/// The keeper's thread; dropping it lets the thread end.
pub(crate) struct Keeper {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Result<(), EmbeddedError>>,
}

impl Keeper {
    /// Starts the keeper. A thread with its own runtime: it has to outlive the runtime that
    /// happened to start the chain, and not to wait for that one's load.
    pub(crate) fn start(
        rpc: ChainRpc,
        state: ChainState,
        options: ChainOptions,
    ) -> Result<Self, EmbeddedError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(EmbeddedError::io("start the chain's keeper"))?;
        let (stop, stop_receiver) = oneshot::channel();
        let (stopped_sender, stopped) = oneshot::channel();
        std::thread::spawn(move || {
            let result = runtime.block_on(async {
                let mut keeping = Keeping::new(rpc, state, options);
                keeping.run(stop_receiver).await
            });
            let _ = stopped_sender.send(result);
        });
        Ok(Self { stop, stopped })
    }

    /// Ends the keeper after a last copy of the chain.
    pub(crate) async fn finish(self, limit: Duration) -> Result<(), EmbeddedError> {
        let _ = self.stop.send(());
        match timeout(limit, self.stopped).await {
            Ok(Ok(result)) => result,
            // The thread cannot panic, and a chain that hangs has no copy to give.
            Ok(Err(_)) | Err(_) => Err(EmbeddedError::Chain {
                call: "anvil_dumpState",
                why: format!("no answer within {} s", limit.as_secs()),
            }),
        }
    }

    /// Ends the keeper of a chain that is dead already.
    pub(crate) async fn abandon(self) {
        drop(self.stop);
        let _ = timeout(Duration::from_secs(5), self.stopped).await;
    }
}

struct Keeping {
    rpc: ChainRpc,
    state: ChainState,
    options: ChainOptions,
    /// The newest block that is in the copy on disk.
    kept: Option<Block>,
    kept_at: Instant,
    keep_after: Duration,
    /// The block at the start: after a start it is not final, whatever it holds.
    settle_until: Option<u64>,
    /// The newest block known not to need any after it.
    settled: Option<Block>,
    mined_at: Instant,
}

impl Keeping {
    fn new(rpc: ChainRpc, state: ChainState, options: ChainOptions) -> Self {
        let now = Instant::now();
        Self {
            rpc,
            state,
            options,
            kept: None,
            kept_at: now,
            keep_after: KEEP_EVERY,
            settle_until: None,
            settled: None,
            mined_at: now,
        }
    }

    async fn run(&mut self, mut stop: oneshot::Receiver<()>) -> Result<(), EmbeddedError> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                biased;
                asked = &mut stop => Some(asked),
                _ = look.tick() => None,
            };
            match asked {
                Some(Ok(())) => return self.keep().await,
                // Dropped: the chain was killed, and there is nothing left to copy.
                Some(Err(_)) => return Ok(()),
                // A chain that is stopped or hung by a test answers again, or is ended: the
                // next look will tell. There is nobody to report to meanwhile.
                None => {
                    let _ = self.look().await;
                }
            }
        }
    }

    async fn look(&mut self) -> Result<(), EmbeddedError> {
        let mut latest = self.rpc.latest().await?;
        if self.options.heartbeat
            && self.mined_at.elapsed() >= MINE_EVERY
            && self.needs_block(&latest).await?
        {
            self.rpc.mine().await?;
            self.mined_at = Instant::now();
            latest = self.rpc.latest().await?;
        }
        let is_new = self.kept.as_ref() != Some(&latest);
        if is_new && self.kept_at.elapsed() >= self.keep_after {
            self.keep().await?;
        }
        Ok(())
    }

    /// Whether a block that matters is not final yet, so that an idle chain does not grow.
    async fn needs_block(&mut self, latest: &Block) -> Result<bool, EmbeddedError> {
        // anvil knows the state after a loaded block, but not that of the blocks before it:
        // "finalized" can only be asked for once the loaded block is the finalized one.
        let settle_until = *self.settle_until.get_or_insert(match latest.number {
            0 => 0,
            loaded => loaded + self.options.finality_lag(),
        });
        if latest.number < settle_until {
            return Ok(true);
        }
        if self.settled.as_ref() == Some(latest) {
            return Ok(false);
        }
        if !latest.is_empty {
            return Ok(true);
        }
        let first = (latest.number + 1).saturating_sub(self.options.finality_lag());
        for number in first..latest.number {
            if !self.rpc.numbered(number).await?.is_empty {
                return Ok(true);
            }
        }
        self.settled = Some(latest.clone());
        Ok(false)
    }

    /// Copies the chain to disk, unless blocks come faster than it can be copied.
    async fn keep(&mut self) -> Result<(), EmbeddedError> {
        let began = Instant::now();
        for _ in 0..3 {
            let before = self.rpc.latest().await?;
            let copy = self.rpc.dump().await?;
            // anvil reads blocks and accounts one after the other: a block mined in between
            // would be in the accounts only, and the copy would contradict itself.
            if self.rpc.latest().await? == before {
                self.state.write(&copy)?;
                self.kept = Some(before);
                break;
            }
        }
        self.kept_at = Instant::now();
        self.keep_after = KEEP_EVERY.max(began.elapsed() * KEEP_SHARE);
        Ok(())
    }
}
