//! The last head that was signed, in a file of its own: outside the database and its backups, so that
//! a database that was restored, or rewritten, is not signed for.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use thiserror::Error;

use super::checkpoint::Checkpoint;
use super::hash::{Hash, sha256};
use super::proof::continues;

/// The file has two places, written in turns: a write that is torn leaves the other one whole. Each is
/// a head with a hash before it, and line breaks after it.
const PLACE: usize = 1_024;

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

/// The newest head of a file, and where it stands.
struct Kept {
    head: Checkpoint,
    place: usize,
}

impl Keeper {
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// The last head; none if nothing was ever signed.
    pub fn last(&self) -> Result<Option<Checkpoint>, KeeperError> {
        match File::open(&self.file) {
            Ok(mut file) => Ok(self.read(&mut file)?.map(|kept| kept.head)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on to a head that is proven to continue the last one. Once this returns, it is on the
    /// disk; before that, nothing may be signed. Processes that share the file wait for each other.
    pub fn advance(&self, head: &Checkpoint, proof: &[Hash]) -> Result<(), KeeperError> {
        let mut file = self.open()?;
        file.lock()?;
        let kept = self.read(&mut file)?;
        if let Some(Kept { head: last, .. }) = &kept {
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
        let place = kept.map_or(0, |kept| 1 - kept.place);
        let record = record(head).ok_or_else(|| KeeperError::Unreadable(self.file.clone()))?;
        file.write_all_at(&record, (place * PLACE) as u64)?;
        Ok(file.sync_data()?)
    }

    /// The file, at its full length: writing to it changes nothing but bytes.
    fn open(&self) -> Result<File, KeeperError> {
        if let Ok(file) = OpenOptions::new().read(true).write(true).open(&self.file) {
            return Ok(file);
        }
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
        }
        let mut new = OpenOptions::new();
        let mut file = new.read(true).write(true).create(true).truncate(false).open(&self.file)?;
        file.lock()?;
        if file.metadata()?.len() == 0 {
            file.write_all(&[b'\n'; 2 * PLACE])?;
            file.sync_all()?;
            // Its name has to last, too.
            folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
        }
        file.unlock()?;
        Ok(file)
    }

    fn read(&self, file: &mut File) -> Result<Option<Kept>, KeeperError> {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let heads = text.chunks(PLACE).enumerate().filter_map(|(place, bytes)| {
            let head = head_of(bytes)?;
            Some(Kept { head, place })
        });
        let newest = heads.max_by_key(|kept| kept.head.size);
        // Nothing was written yet; anything else is not to be taken for nothing.
        let is_new = text.iter().all(|byte| *byte == b'\n');
        match newest {
            Some(kept) => Ok(Some(kept)),
            None if is_new => Ok(None),
            None => Err(KeeperError::Unreadable(self.file.clone())),
        }
    }
}

/// A head as it is kept; none if it is too long.
fn record(head: &Checkpoint) -> Option<Vec<u8>> {
    let text = head.to_string();
    let mut record = format!("{}\n{text}", hex::encode(sha256(text.as_bytes()))).into_bytes();
    (record.len() < PLACE).then(|| {
        record.resize(PLACE, b'\n');
        record
    })
}

fn head_of(bytes: &[u8]) -> Option<Checkpoint> {
    let (hash, text) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let text = format!("{}\n", text.trim_end_matches('\n'));
    let is_whole = hash == hex::encode(sha256(text.as_bytes()));
    Checkpoint::parse(&text).ok().filter(|_| is_whole)
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

    #[test]
    fn a_write_that_is_torn_leaves_the_head_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("head");
        let keeper = Keeper::new(file.clone());
        let entries = ["a", "b", "c", "d", "e"];
        let mut before = Vec::new();
        for count in 1..=entries.len() {
            let (newer, edge) = head(&entries[..count]);
            keeper.advance(&newer, &proof(&edge, count as u64 - 1)).unwrap();
            let after = std::fs::read(&file).unwrap();
            let changed = |(one, other): &(&u8, &u8)| one != other;
            if let Some(place) = before.iter().zip(&after).position(|pair| changed(&pair)) {
                // Whatever part of it has come to the disk.
                for torn in [1, 20, 70, 90] {
                    let mut half: Vec<u8> = before.clone();
                    half[place..place + torn].copy_from_slice(&after[place..place + torn]);
                    std::fs::write(&file, &half).unwrap();
                    let last = keeper.last().unwrap().unwrap();
                    assert_eq!(last.size, count as u64 - 1, "{torn}");
                }
                std::fs::write(&file, &after).unwrap();
            }
            assert_eq!(keeper.last().unwrap().unwrap(), newer);
            before = after;
        }
    }
}
