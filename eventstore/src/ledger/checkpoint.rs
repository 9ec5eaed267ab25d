//! Checkpoints: C2SP `tlog-checkpoint`. What a log says of itself, to be signed: its name, how many
//! entries it has, and the root of the tree they make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::hash::Hash;
use super::key::VerifierKey;
use super::note::{Note, NoteError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum CheckpointError {
    #[error("this is not a checkpoint")]
    Malformed,
    #[error("the checkpoint is one of {0}")]
    Foreign(String),
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Checkpoint {
    /// Lines after the first three are extensions; they may be there and mean nothing here.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Malformed);
        };
        let malformed = |_| CheckpointError::Malformed;
        let number: u64 = size.parse().map_err(|_| CheckpointError::Malformed)?;
        let root = STANDARD.decode(root).map_err(|_| CheckpointError::Malformed)?;
        let root = Hash::try_from(root).map_err(malformed)?;
        if origin.is_empty() || number.to_string() != size || lines.any(str::is_empty) {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }

    /// The checkpoint in a note, if this key, whose name is the log's, signed it.
    pub fn signed(note: &Note, log: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(log)?;
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin == log.name {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Foreign(checkpoint.origin))
        }
    }
}

impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))
    }
}
