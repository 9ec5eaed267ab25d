//! Sweeping the file store by hand: what no file in the log owns.

use std::time::Duration;

use crate::config::Config;
use crate::wiring::{Platform, StartError};

/// Of files that nothing was written to for so many seconds.
pub async fn sweep(config: &Config, older_than: u64) -> Result<(), StartError> {
    let platform = Platform::start(config, &[]).await?;
    let swept = platform.commands.sweep_files(Duration::from_secs(older_than)).await;
    platform.stop().await;
    println!("{} files nobody owns were swept", swept.map_err(StartError::of)?);
    Ok(())
}
