//! Receipts: C2SP `tlog-proof`. What shows, to somebody who is offline and trusts nothing but keys,
//! that an entry is in the log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::{self, Hash};
use super::key::VerifierKey;
use super::note::Note;
use super::proof::is_included;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path is never longer.
const LONGEST_PATH: usize = 64;

/// A receipt. Its `extra` is the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub entry: Vec<u8>,
    pub index: u64,
    pub path: Vec<Hash>,
    pub note: Note,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReceiptError {
    #[error("this is not a receipt")]
    Malformed,
    #[error("the entry is not the one at its place of the log")]
    Refuted,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl Receipt {
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let (head, note) = text.split_once("\n\n").ok_or(ReceiptError::Malformed)?;
        let mut lines = head.split('\n');
        let mut line = |name: &str| lines.next().and_then(|line| line.strip_prefix(name));
        line(HEADER).filter(|rest| rest.is_empty()).ok_or(ReceiptError::Malformed)?;
        let entry = line("extra ").ok_or(ReceiptError::Malformed)?;
        let entry = STANDARD.decode(entry).map_err(|_| ReceiptError::Malformed)?;
        let index = line("index ").and_then(|index| index.parse().ok());
        let hash = |line| STANDARD.decode(line).ok().and_then(|hash| Hash::try_from(hash).ok());
        let path: Option<Vec<Hash>> = lines.map(hash).collect();
        let path = path.filter(|path| path.len() <= LONGEST_PATH).ok_or(ReceiptError::Malformed)?;
        let note = Note::parse(note).map_err(|_| ReceiptError::Malformed)?;
        Ok(Self { entry, index: index.ok_or(ReceiptError::Malformed)?, path, note })
    }

    /// Whether the log with this key has the entry.
    pub fn verify(&self, log: &VerifierKey) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::signed(&self.note, log)?;
        let leaf = hash::leaf(&self.entry);
        let Checkpoint { size, root, .. } = &checkpoint;
        if is_included(&leaf, self.index, *size, &self.path, root) {
            Ok(checkpoint)
        } else {
            Err(ReceiptError::Refuted)
        }
    }
}

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", STANDARD.encode(&self.entry), self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}
