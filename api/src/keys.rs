//! Signing keys, by hand.

use commands::outside::key_keeper::KeyKeeper;
use eventstore::database::{self, Role};
use eventstore::secrets::{KeyEncryptionKey, Secrets};
use eventstore::{Clock, Entropy};

use crate::config::Config;
use crate::wiring::{StartError, required};

/// Makes the next signing key now and says when it begins to sign. Running processes learn of it
/// within a minute.
pub async fn rotate(config: &Config) -> Result<(), StartError> {
    let url = required(&config.database_url, "database_url")?;
    let kek = required(&config.key_encryption_key, "key_encryption_key")?.into();
    let kek = KeyEncryptionKey::parse(&kek).map_err(StartError::of)?;
    let log = database::pool(&url, Role::Log, 1)?;
    let secrets = Secrets::new(log, Entropy::default(), kek);
    let keeper = KeyKeeper { secrets, clock: Clock::system() };
    let begins = keeper.rotate().await.map_err(StartError::of)?;
    println!("a new signing key is published and signs from {begins}");
    Ok(())
}
