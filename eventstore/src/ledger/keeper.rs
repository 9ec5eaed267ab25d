//! The last head that was signed, in a file of its own: outside the database and its backups, so that
//! a database that was restored, or rewritten, is not signed for.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::checkpoint::Checkpoint;
use super::hash::Hash;
use super::proof::continues;

/// The heads of one log, as far as one signer has seen it.
#[derive(Clone, Debug)]
pub struct Keeper {
    file: PathBuf,
}

#[derive(Debug, Error)]
pub enum KeeperError {
    #[error("the head at {size} does not continue the one at {kept} that was signed before")]
    Fork { kept: u64, size: u64 },
    #[error("the head at {size} is older than the one at {kept} that was signed before")]
    Older { kept: u64, size: u64 },
    #[error("{0} does not hold a head")]
    Unreadable(PathBuf),
    #[error("the last head cannot be kept: {0}")]
    Io(#[from] std::io::Error),
}

impl Keeper {
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// The last head; none if nothing was ever signed.
    pub fn last(&self) -> Result<Option<Checkpoint>, KeeperError> {
        let mut text = String::new();
        match File::open(&self.file) {
            Ok(mut file) => file.read_to_string(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let unreadable = |_| KeeperError::Unreadable(self.file.clone());
        Checkpoint::parse(&text).map(Some).map_err(unreadable)
    }

    /// Goes on to a head that is proven to continue the last one. Once this returns, it is on the
    /// disk; before that, nothing may be signed. Processes that share the file wait for each other.
    pub fn advance(&self, head: &Checkpoint, proof: &[Hash]) -> Result<(), KeeperError> {
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.file.with_extension("lock"))?;
        lock.lock()?;
        if let Some(last) = self.last()? {
            let (kept, size) = (last.size, head.size);
            if last.origin != head.origin {
                return Err(KeeperError::Fork { kept, size });
            }
            if size < kept {
                return Err(KeeperError::Older { kept, size });
            }
            if !continues((kept, &last.root), (size, &head.root), proof) {
                return Err(KeeperError::Fork { kept, size });
            }
            if size == kept {
                return Ok(());
            }
        }
        let fresh = self.file.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(head.to_string().as_bytes())?;
        file.sync_data()?;
        std::fs::rename(&fresh, &self.file)?;
        sync_folder(&self.file)
    }
}

/// Makes the new name last, too.
fn sync_folder(file: &Path) -> Result<(), KeeperError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => Ok(File::open(folder)?.sync_all()?),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::hash;
    use super::super::proof::{consistency, hashes};
    use super::super::tree::Edge;
    use super::*;

    fn head(entries: &[&str]) -> (Checkpoint, Edge) {
        let mut edge = Edge::default();
        entries.iter().for_each(|entry| edge.push(hash::leaf(entry.as_bytes()), |_, _| {}));
        let origin = "log.example/1".to_owned();
        (Checkpoint { origin, size: edge.size(), root: edge.root() }, edge)
    }

    fn proof(edge: &Edge, old: u64) -> Vec<Hash> {
        let tiles: HashMap<_, _> =
            edge.open().map(|(tile, hashes)| (tile, hashes.to_vec())).collect();
        hashes(&consistency(old, edge.size()), &tiles).unwrap()
    }

    #[test]
    fn what_does_not_continue_the_last_head_is_refused_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = || Keeper::new(folder.path().join("signer/head"));
        let (three, _) = head(&["a", "b", "c"]);
        assert_eq!(keeper().last().unwrap(), None);
        keeper().advance(&three, &[]).unwrap();
        assert_eq!(keeper().last().unwrap().unwrap(), three);
        // The same again.
        keeper().advance(&three, &[]).unwrap();

        let (rewritten, edge) = head(&["a", "B", "c", "d", "e"]);
        let fork = keeper().advance(&rewritten, &proof(&edge, 3));
        assert!(matches!(fork, Err(KeeperError::Fork { kept: 3, size: 5 })));
        let (other, _) = head(&["a", "b", "x"]);
        assert!(matches!(keeper().advance(&other, &[]), Err(KeeperError::Fork { .. })));
        let (two, _) = head(&["a", "b"]);
        assert!(matches!(keeper().advance(&two, &[]), Err(KeeperError::Older { .. })));
        let (five, edge) = head(&["a", "b", "c", "d", "e"]);
        assert!(matches!(keeper().advance(&five, &[]), Err(KeeperError::Fork { .. })));
        assert_eq!(keeper().last().unwrap().unwrap(), three);
        keeper().advance(&five, &proof(&edge, 3)).unwrap();
        assert_eq!(keeper().last().unwrap().unwrap(), five);

        std::fs::write(folder.path().join("signer/head"), "nothing").unwrap();
        assert!(matches!(keeper().advance(&five, &[]), Err(KeeperError::Unreadable(_))));
    }
}
