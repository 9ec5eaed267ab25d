//! Secrets that are kept in a file, readable by its owner only.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use eventstore::Entropy;

use crate::wiring::StartError;

/// A secret that is made once. One that is there and cannot be read is not made anew.
pub fn kept_secret<E: std::fmt::Display>(
    folder: &Path,
    name: &str,
    make: impl FnOnce(&Entropy) -> Result<String, E>,
) -> Result<String, StartError> {
    let path = folder.join("secrets").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = make(&Entropy::default()).map_err(StartError::of)?;
            write_private(&path, &text)?;
            Ok(text)
        }
        Err(error) => Err(StartError::Other(format!("{}: {error}", path.display()))),
    }
}

pub fn write_private(path: &Path, text: &str) -> Result<(), StartError> {
    let failed = |error: std::io::Error| StartError::Other(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let draft = path.with_extension("draft");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}
