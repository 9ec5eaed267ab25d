//! Signed notes: C2SP `signed-note`. A text, an empty line, and a line for each signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::key::{Kind, SigningKey, VerifierKey};

/// Longer ones are not read.
const LONGEST: usize = 64 * 1024;
const MOST_SIGNATURES: usize = 64;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoteError {
    #[error("this is not a signed note")]
    Malformed,
    #[error("no signature of {0} is on the note")]
    Unsigned(String),
    #[error("the signature of {0} is not one of this text")]
    Forged(String),
}

/// A text with signatures nobody has looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// With the line break at its end.
    pub text: String,
    signatures: Vec<Signature>,
}

/// A line below the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Signature {
    /// Signs a note's text.
    pub fn of(text: &str, key: &SigningKey) -> Self {
        let public = key.public();
        Self { name: public.name.clone(), id: public.id(), bytes: key.sign(text.as_bytes()) }
    }

    /// Signs that a checkpoint was seen at a time, in seconds since 1970: `tlog-cosignature`.
    pub fn seen(text: &str, seconds: u64, key: &SigningKey) -> Self {
        let public = key.public();
        let signed = key.sign(seen(text, seconds).as_bytes());
        let bytes = [seconds.to_be_bytes().as_slice(), &signed].concat();
        Self { name: public.name.clone(), id: public.id(), bytes }
    }

    /// Reads a line.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let rest = line.strip_prefix("\u{2014} ").ok_or(NoteError::Malformed)?;
        let (name, bytes) = rest.split_once(' ').ok_or(NoteError::Malformed)?;
        let bytes = STANDARD.decode(bytes).map_err(|_| NoteError::Malformed)?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
        if name.is_empty() || name.contains('+') || name.chars().any(char::is_whitespace) {
            return Err(NoteError::Malformed);
        }
        Ok(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }

    /// Whether it is this key's, of this text; and for a witness, when it saw it.
    fn check(&self, text: &str, key: &VerifierKey) -> Option<u64> {
        match key.kind {
            Kind::Notes => key.has_signed(text.as_bytes(), &self.bytes).then_some(0),
            Kind::Checkpoints => {
                let (seconds, signature) = self.bytes.split_first_chunk::<8>()?;
                let seconds = u64::from_be_bytes(*seconds);
                key.has_signed(seen(text, seconds).as_bytes(), signature).then_some(seconds)
            }
        }
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = STANDARD.encode([self.id.as_slice(), &self.bytes].concat());
        write!(f, "\u{2014} {} {bytes}", self.name)
    }
}

fn seen(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

impl Note {
    pub fn new(text: String, signatures: Vec<Signature>) -> Self {
        Self { text, signatures }
    }

    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > LONGEST || note.chars().any(|sign| sign.is_control() && sign != '\n') {
            return Err(NoteError::Malformed);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
        if text.is_empty() || signatures.len() > MOST_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Whether this key signed the text; for a witness, when, in seconds since 1970. Lines of other
    /// keys, of the same name or another, say nothing.
    pub fn verify(&self, key: &VerifierKey) -> Result<u64, NoteError> {
        let id = key.id();
        let own = |line: &&Signature| line.name == key.name && line.id == id;
        let line = self.signatures.iter().find(own);
        let line = line.ok_or_else(|| NoteError::Unsigned(key.name.clone()))?;
        line.check(&self.text, key).ok_or_else(|| NoteError::Forged(key.name.clone()))
    }

    pub fn add(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str, kind: Kind) -> SigningKey {
        SigningKey::new(name, kind, &[7; 32]).unwrap()
    }

    #[test]
    fn a_note_is_believed_from_its_key_alone() {
        let (log, witness) =
            (key("log.example/1", Kind::Notes), key("w.example", Kind::Checkpoints));
        let text = "log.example/1\n3\nAAAA\n";
        let mut note = Note::new(text.to_owned(), vec![Signature::of(text, &log)]);
        note.add(Signature::seen(text, 1_800_000_000, &witness));
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.verify(log.public()), Ok(0));
        assert_eq!(read.verify(witness.public()), Ok(1_800_000_000));

        let other = key("log.example/2", Kind::Notes);
        assert_eq!(read.verify(other.public()), Err(NoteError::Unsigned("log.example/2".into())));
        let changed = note.to_string().replace("\n3\n", "\n4\n");
        let changed = Note::parse(&changed).unwrap();
        for key in [log.public(), witness.public()] {
            assert_eq!(changed.verify(key), Err(NoteError::Forged(key.name.clone())));
        }
    }

    #[test]
    fn a_verifier_key_is_read_as_it_is_printed_and_not_under_another_name() {
        let printed = key("log.example/1", Kind::Notes).public().to_string();
        let read: VerifierKey = printed.parse().unwrap();
        assert_eq!(read.to_string(), printed);
        let renamed = printed.replace("log.example/1", "log.example/2");
        assert!(renamed.parse::<VerifierKey>().is_err());
        for wrong in ["", "a", "a+b", "a+00000000+", "+00000000+AAAA", "a b+00000000+AAAA"] {
            assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn notes_and_keys_are_read_by_another_library() {
        use signed_note::{Note as Theirs, StandardVerifier, Verifier, VerifierList};
        let log = key("log.example/1", Kind::Notes);
        let text = "log.example/1\n3\nAAAA\n";
        let note = Note::new(text.to_owned(), vec![Signature::of(text, &log)]).to_string();
        let verifier = StandardVerifier::new(&log.public().to_string()).unwrap();
        let known = VerifierList::new(vec![Box::new(verifier) as Box<dyn Verifier>]);
        let (verified, others) =
            Theirs::from_bytes(note.as_bytes()).unwrap().verify(&known).unwrap();
        assert_eq!((verified.len(), others.len()), (1, 0));
        let changed = note.replace("\n3\n", "\n4\n");
        assert!(Theirs::from_bytes(changed.as_bytes()).unwrap().verify(&known).is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_makes_it_stumble(text in "\\PC{0,60}(\n\\PC{0,20}){0,4}\n?") {
            if let Ok(note) = Note::parse(&text) {
                prop_assert_eq!(note.to_string(), text);
            }
        }
    }
}
