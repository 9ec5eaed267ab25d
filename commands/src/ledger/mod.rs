//! Use cases around the ledger: its keys, as the log has them; and whether chains have what it says.

pub mod minted;

use domain::id::TenantId;
use domain::ledger::{AnnounceKey, ID, Ledger, RecordRestore};
use domain::tenant::Tenant;
use eventstore::{Context, StoreError};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::error::CommandError;
use crate::execute::{Asked, Commands};

const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Commands {
    /// Every key that ever signed a head of the log, the one of today first.
    pub async fn ledger_keys(&self) -> Result<Vec<String>, StoreError> {
        let ledger = self.store.load_fresh::<Ledger>(TenantId::PLATFORM, ID).await?;
        Ok(ledger.state.keys().map(str::to_owned).collect())
    }

    /// Whether the log had this name until a restore, and may have it no more.
    pub async fn has_ledger_ended(&self, origin: &str) -> Result<bool, StoreError> {
        let ledger = self.store.load_fresh::<Ledger>(TenantId::PLATFORM, ID).await?;
        Ok(ledger.state.has_ended(origin))
    }

    /// Whether the log tells of a restore that the database went through as it began this timeline.
    pub async fn is_restore_told(&self, timeline: u32) -> Result<bool, StoreError> {
        let ledger = self.store.load_fresh::<Ledger>(TenantId::PLATFORM, ID).await?;
        Ok(ledger.state.is_told_of(timeline))
    }

    /// Puts a key that signs heads into the log, as soon as there is a platform to do so for.
    pub async fn announce_ledger_key(self, key: String, stop: CancellationToken) {
        loop {
            match self.announced(&key).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the ledger's key is not in the log yet"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Has the log tell that it was restored.
    pub async fn record_restore(
        &self,
        asked: &Asked,
        restore: &RecordRestore,
    ) -> Result<(), CommandError> {
        self.execute::<Ledger, _, _>(asked, ID, restore, ()).await?;
        Ok(())
    }

    async fn announced(&self, key: &str) -> Result<bool, CommandError> {
        let platform = TenantId::PLATFORM;
        let tenant = self.store.load_fresh::<Tenant>(platform, &platform.to_string()).await?;
        // A tenant's own log begins with its creation.
        if tenant.sequence == 0 {
            return Ok(false);
        }
        let asked = Asked::by(Context::system(platform, "ledger", "ledger", "ledger"));
        let command = AnnounceKey { key: key.to_owned() };
        self.execute::<Ledger, _, _>(&asked, ID, &command, ()).await?;
        Ok(true)
    }
}
