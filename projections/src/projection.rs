//! What a read model is: a name, a version, a table, and how one event changes it.

use std::future::Future;

use eventstore::Recorded;
use eventstore::recorded::Undecodable;
use eventstore::vault::VaultError;
use sqlx::PgConnection;
use thiserror::Error;

/// A read model. `apply` runs in the transaction that moves the checkpoint, with the generation's
/// schema as search path, so table names stand alone.
pub trait Projection: Send + Sync + 'static {
    const NAME: &'static str;
    /// Rises when table or fold change: a new generation is then built beside the old one.
    const VERSION: i32;
    /// The tables, from `migrations/`.
    const TABLES: &'static str;

    fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> impl Future<Output = Result<(), ApplyError>> + Send;

    /// The same for many events, in their order. A read model that can do better than one after the
    /// other says how; the rows have to come out the same.
    fn apply_all(
        &self,
        connection: &mut PgConnection,
        events: &[&Recorded],
    ) -> impl Future<Output = Result<(), ApplyError>> + Send {
        async move {
            for event in events {
                self.apply(connection, event).await?;
            }
            Ok(())
        }
    }
}

#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl ApplyError {
    /// Whether trying again later may help, or the event itself is the trouble.
    pub fn is_poison(&self) -> bool {
        match self {
            Self::Undecodable(_) | Self::Vault(VaultError::Corrupt) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                // Data and constraint classes: the same event fails again for ever.
                let code = error.code().unwrap_or_default();
                code.starts_with("22") || code.starts_with("23")
            }
            Self::Database(_) | Self::Vault(_) => false,
        }
    }
}
