//! The data folder: created, locked against a second start, and home of the secrets.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::EmbeddedError;

/// A folder that this process alone works in, until the last clone of this value is dropped.
///
/// The lock is the kernel's (`flock`), on a descriptor that is closed on exec: it ends with
/// this process however it ends, and no child can keep it.
#[derive(Clone, Debug)]
pub struct DataFolder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    id: String,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if need be and locks it.
    ///
    /// # Errors
    /// [`EmbeddedError::FolderInUse`] names the process that works in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EmbeddedError> {
        let path = path.as_ref();
        fs::create_dir_all(path)
            .map_err(EmbeddedError::io(format!("create {}", path.display())))?;
        // Absolute and without links: PostgreSQL compares paths, and processes are found by them.
        let path = path
            .canonicalize()
            .map_err(EmbeddedError::io(format!("resolve {}", path.display())))?;
        let lock = lock(&path)?;
        let id = identity(&path)?;
        Ok(Self { inner: Arc::new(Inner { path, id, _lock: lock }) })
    }

    /// The folder, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// A random name that a new folder gets once: data kept elsewhere on behalf of this folder
    /// is found by it, and a folder made anew under the same path does not inherit old data.
    pub(crate) fn id(&self) -> &str {
        &self.inner.id
    }

    /// A folder below this one, created on demand.
    pub(crate) fn below(&self, name: &str) -> Result<PathBuf, EmbeddedError> {
        let path = self.inner.path.join(name);
        fs::create_dir_all(&path)
            .map_err(EmbeddedError::io(format!("create {}", path.display())))?;
        Ok(path)
    }

    /// Where the output of one component goes.
    pub(crate) fn log(&self, component: &str) -> PathBuf {
        self.inner.path.join(format!("{component}.log"))
    }
}

fn lock(folder: &Path) -> Result<File, EmbeddedError> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(EmbeddedError::io(format!("open {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The holder may be writing its pid at this very moment: then it stays unknown.
            let _ = file.read_to_string(&mut pid);
            let pid = match pid.trim() {
                "" => "(unknown)".to_owned(),
                pid => pid.to_owned(),
            };
            return Err(EmbeddedError::FolderInUse { folder: folder.to_owned(), pid });
        }
        Err(TryLockError::Error(error)) => {
            return Err(EmbeddedError::io(format!("lock {}", path.display()))(error));
        }
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(EmbeddedError::io(format!("write {}", path.display())))?;
    Ok(file)
}

fn identity(folder: &Path) -> Result<String, EmbeddedError> {
    let id = secret(&folder.join("id"))?;
    // It becomes part of a path that root writes to, so it is not taken on trust.
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(EmbeddedError::io(format!("use {}", folder.join("id").display()))(
        std::io::ErrorKind::InvalidData.into(),
    ))
}

/// Reads a random secret from a file of mode 0600, making it first if it is not there.
pub(crate) fn secret(path: &Path) -> Result<String, EmbeddedError> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.is_empty() => return Ok(secret),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(EmbeddedError::io(format!("read {}", path.display()))(error));
        }
    }
    let secret = random_name()?;
    write_private(path, secret.as_bytes())?;
    Ok(secret)
}

/// Sixteen random bytes in hexadecimal.
pub(crate) fn random_name() -> Result<String, EmbeddedError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        EmbeddedError::io("get random bytes")(std::io::Error::other(error.to_string()))
    })?;
    Ok(hex::encode(bytes))
}

/// Replaces a file so that it is at every moment the old or the new one, readable by us alone.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), EmbeddedError> {
    let new = path.with_extension("new");
    let write = || {
        // A leftover of an earlier crash could have been made with another mode.
        if let Err(error) = fs::remove_file(&new)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(EmbeddedError::io(format!("write {}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_lock_names_the_holder_and_ends_with_it() {
        let temp = tempfile::tempdir().unwrap();
        let first = DataFolder::open(temp.path()).unwrap();
        let error = DataFolder::open(temp.path()).unwrap_err();
        assert!(
            matches!(&error, EmbeddedError::FolderInUse { pid, .. } if *pid == std::process::id().to_string()),
            "{error}"
        );
        let id = first.id().to_owned();
        drop(first);
        assert_eq!(DataFolder::open(temp.path()).unwrap().id(), id);
    }

    #[test]
    fn a_secret_is_made_once_and_is_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("password");
        let made = secret(&path).unwrap();
        assert_eq!(secret(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(secret(&temp.path().join("other")).unwrap(), made);
    }
}
