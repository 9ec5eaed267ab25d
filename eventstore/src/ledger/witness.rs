//! Witnessing: C2SP `tlog-witness`. Somebody who is not the log signs heads of it, each only if it is
//! proven to continue the last one they signed, so that the log cannot show two readers two histories.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::checkpoint::Checkpoint;
use super::hash::{Hash, sha256};
use super::keeper::{Keeper, KeeperError};
use super::key::{SigningKey, VerifierKey};
use super::note::{Note, NoteError, Signature};

/// A proof is never longer.
const LONGEST_PROOF: usize = 63;

/// What a witness is asked: to sign a head, from the size on that it signed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub old: u64,
    pub proof: Vec<Hash>,
    pub note: Note,
}

impl Request {
    pub fn parse(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?;
        let number: u64 = old.parse().ok().filter(|number: &u64| number.to_string() == old)?;
        let hash = |line| STANDARD.decode(line).ok().and_then(|hash| Hash::try_from(hash).ok());
        let proof: Option<Vec<Hash>> = lines.map(hash).collect();
        let proof = proof.filter(|proof| proof.len() <= LONGEST_PROOF)?;
        Some(Self { old: number, proof, note: Note::parse(note).ok()? })
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

/// Why a head is not signed.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("this is not a request for a witness")]
    Malformed,
    #[error("this log is not known here")]
    UnknownLog,
    #[error("the head is not signed by its log")]
    Unsigned,
    /// The log is to ask again from the size that was signed last.
    #[error("the head at {0} was signed last")]
    Conflict(u64),
    #[error("the head is not proven to continue the one that was signed last")]
    Unproven,
    #[error("what was signed last cannot be kept: {0}")]
    Forgetful(KeeperError),
}

/// Signs heads of the logs it knows.
pub struct Witness {
    pub key: SigningKey,
    pub logs: Vec<VerifierKey>,
    /// Where it keeps what it signed last, a file for each log.
    pub folder: PathBuf,
}

impl Witness {
    /// Signs, at a time in seconds since 1970, and not before it is kept.
    pub fn sign(&self, request: &Request, seconds: u64) -> Result<Signature, Refusal> {
        let Request { old, proof, note } = request;
        let head = Checkpoint::parse(&note.text).map_err(|_| Refusal::Malformed)?;
        let known = |log: &&VerifierKey| log.name == head.origin;
        if !self.logs.iter().any(|log| known(&log)) {
            return Err(Refusal::UnknownLog);
        }
        // A log may have several keys, while it goes from one to the next.
        let signed = self.logs.iter().filter(known).any(|log| note.verify(log).is_ok());
        if !signed {
            return Err(Refusal::Unsigned);
        }
        if *old > head.size {
            return Err(Refusal::Malformed);
        }
        let keeper = self.keeper(&head.origin);
        let kept = keeper.last().map_err(Refusal::Forgetful)?.map_or(0, |last| last.size);
        if kept != *old {
            return Err(Refusal::Conflict(kept));
        }
        match keeper.advance(&head, proof) {
            Ok(()) => Ok(Signature::seen(&note.text, seconds, &self.key)),
            // Another request came between, or the same size has another root.
            Err(KeeperError::Older { kept, .. }) => Err(Refusal::Conflict(kept)),
            Err(KeeperError::Fork { kept, size }) if kept == size => Err(Refusal::Conflict(kept)),
            Err(KeeperError::Fork { .. }) => Err(Refusal::Unproven),
            Err(error) => Err(Refusal::Forgetful(error)),
        }
    }

    fn keeper(&self, origin: &str) -> Keeper {
        let name = hex::encode(&sha256(origin.as_bytes())[..16]);
        Keeper::new(self.folder.join(name).join("head"))
    }
}

/// What a witness answered for a head, checked: the line, if it is its signature of this very head.
pub fn checked(answer: &str, note: &Note, witness: &VerifierKey) -> Result<Signature, NoteError> {
    let lines = answer.lines().filter_map(|line| Signature::parse(line).ok());
    for signature in lines.filter(|signature| signature.name == witness.name) {
        let cosigned = Note::new(note.text.clone(), vec![signature.clone()]);
        if cosigned.verify(witness).is_ok() {
            return Ok(signature);
        }
    }
    Err(NoteError::Unsigned(witness.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::super::key::Kind;
    use super::super::proof::{consistency, hashes};
    use super::super::tree::Edge;
    use super::*;

    fn log_key() -> SigningKey {
        SigningKey::new("log.example/1", Kind::Notes, &[7; 32]).unwrap()
    }

    fn witness(folder: &std::path::Path) -> Witness {
        Witness {
            key: SigningKey::new("w.example", Kind::Checkpoints, &[8; 32]).unwrap(),
            logs: vec![log_key().public().clone()],
            folder: folder.to_owned(),
        }
    }

    /// A head over these entries, with the proof from an earlier size.
    fn asked(entries: &str, old: u64, key: &SigningKey) -> Request {
        let mut edge = Edge::default();
        entries.bytes().for_each(|entry| edge.push(hash::leaf(&[entry]), |_, _| {}));
        let tiles = edge.open().map(|(tile, hashes)| (tile, hashes.to_vec())).collect();
        let proof = match old <= edge.size() {
            true => hashes(&consistency(old, edge.size()), &tiles).unwrap(),
            false => vec![],
        };
        let origin = key.public().name.clone();
        let head = Checkpoint { origin, size: edge.size(), root: edge.root() };
        let text = head.to_string();
        let note = Note::new(text.clone(), vec![Signature::of(&text, key)]);
        Request { old, proof, note }
    }

    #[test]
    fn heads_are_signed_that_continue_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let (log, w) = (log_key(), witness(folder.path()));
        let first = asked("abc", 0, &log);
        assert_eq!(Request::parse(&first.to_string()), Some(first.clone()));
        let line = w.sign(&first, 1_800_000_000).unwrap();
        assert_eq!(checked(&format!("{line}\n"), &first.note, w.key.public()), Ok(line));
        // Restarted, it knows.
        let w = witness(folder.path());
        assert!(matches!(w.sign(&first, 1), Err(Refusal::Conflict(3))));
        w.sign(&asked("abc", 3, &log), 2).unwrap();
        assert!(matches!(w.sign(&asked("abX", 3, &log), 2), Err(Refusal::Conflict(3))));
        assert!(matches!(w.sign(&asked("aXcde", 3, &log), 2), Err(Refusal::Unproven)));
        assert!(matches!(w.sign(&asked("ab", 3, &log), 2), Err(Refusal::Malformed)));
        w.sign(&asked("abcde", 3, &log), 3).unwrap();

        let other = SigningKey::new("log.example/2", Kind::Notes, &[7; 32]).unwrap();
        assert!(matches!(w.sign(&asked("a", 0, &other), 3), Err(Refusal::UnknownLog)));
        let forger = SigningKey::new("log.example/1", Kind::Notes, &[9; 32]).unwrap();
        assert!(matches!(w.sign(&asked("abcdef", 5, &forger), 3), Err(Refusal::Unsigned)));
    }

    #[test]
    fn an_answer_that_is_no_signature_of_this_head_is_worth_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (log, w) = (log_key(), witness(folder.path()));
        let (one, other) = (asked("abc", 0, &log), asked("abcd", 3, &log));
        let line = w.sign(&one, 1).unwrap().to_string();
        assert!(checked(&line, &other.note, w.key.public()).is_err());
        assert!(checked("", &one.note, w.key.public()).is_err());
        assert!(checked(&line, &one.note, log.public()).is_err());
        for wrong in ["", "old 1", "old x\n\n", "old 01\n\na\n\n\u{2014} a AAAA\n"] {
            assert_eq!(Request::parse(wrong), None, "{wrong}");
        }
    }
}
