//! The content store from the command line.

use std::path::Path;

use commands::outside::content_store::ContentStore;

use crate::config::Config;
use crate::storage::objects;
use crate::wiring::StartError;

/// Stores a file, so that `/ipfs/{cid}` has it; prints its identifier.
pub async fn add(config: &Config, path: &Path) -> Result<(), StartError> {
    let unreadable = |error| StartError::Other(format!("{}: {error}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let cid = ContentStore::new(objects(config)?).put(file).await.map_err(StartError::of)?;
    println!("{cid}");
    Ok(())
}
