//! Finding mints that were forgotten: a message may be lost with its stream, and who waits for a nonce
//! waits in memory. The log knows them all.

use std::time::Duration;

use domain::id::WhiskeyId;
use domain::nft::Nft;
use eventstore::Loaded;
use eventstore::journal::Begun;
use tokio_util::sync::CancellationToken;

use super::{Minter, asked};
use crate::reactions::ReactionError;

const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// So long a request is left to the message that tells of it.
const LEFT_ALONE_MS: i64 = 20_000;

impl Minter {
    /// Sweeps until stopped.
    pub(super) async fn sweep(&self, stop: CancellationToken) {
        // Everything before is settled for good.
        let (mut settled, mut deployed) = (-1, -1);
        loop {
            if let Err(error) = self.sweep_after(&mut settled).await {
                tracing::warn!(%error, "the sweep for forgotten mints was interrupted");
            }
            if let Err(error) = self.sweep_deployments(&mut deployed).await {
                tracing::warn!(%error, "the sweep for contracts to make was interrupted");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP_EVERY) => {}
            }
        }
    }

    async fn sweep_after(&self, settled: &mut i64) -> Result<(), ReactionError> {
        let journal = self.commands.store.journal();
        let begun = journal.streams_with("nft.mint_requested", *settled).await;
        let begun = begun.map_err(|error| ReactionError::NotYet(error.to_string()))?;
        let mut unsettled = None;
        let mut last = *settled;
        for request in begun {
            last = request.position;
            if !self.is_settled(&request).await? {
                unsettled = unsettled.or(Some(request.position - 1));
            }
        }
        *settled = unsettled.unwrap_or(last);
        Ok(())
    }

    /// Brings the mint on, if it waits for that; says whether nothing is left to be done here.
    async fn is_settled(&self, request: &Begun) -> Result<bool, ReactionError> {
        let Ok(mint) = request.aggregate_id.parse::<WhiskeyId>() else {
            return Ok(true);
        };
        let nft: Loaded<Nft> = self.commands.mint_state(request.tenant, mint).await?;
        let now = self.commands.store.clock().now();
        let young = now.unix_ms() - request.recorded_at.unix_ms() < LEFT_ALONE_MS;
        match nft.state.as_ref() {
            Nft::Requested { .. } if young => Ok(false),
            Nft::Requested { .. } | Nft::Pinned { .. } => {
                let correlation = format!("mint:{mint}");
                let asked = asked(request.tenant, &correlation, "sweep");
                if let Err(error) = self.prepare(&asked, request.tenant, mint).await {
                    // One that cannot go on must not keep the others.
                    tracing::warn!(%mint, %error, "a mint does not come to its nonce");
                }
                Ok(false)
            }
            // A slot may yet be lost.
            Nft::Assigned { .. } => Ok(false),
            Nft::Unrequested | Nft::Confirmed { .. } | Nft::Burned { .. } | Nft::Failed { .. } => {
                Ok(true)
            }
        }
    }
}
