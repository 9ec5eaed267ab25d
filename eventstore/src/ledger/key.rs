//! Keys of signed notes: C2SP `signed-note` for those of logs, `tlog-cosignature` for those of
//! witnesses. Ed25519, both.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::hash::sha256;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Notes, as they are: a log.
    Notes,
    /// That a checkpoint was seen at a time, and continues what was seen before: a witness.
    Checkpoints,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Notes => 1,
            Self::Checkpoints => 4,
        }
    }
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    #[error("a verifier key is <name>+<8 hexadecimal digits>+<base64>")]
    Malformed,
    #[error("the key's id is not the one of its name and bytes")]
    WrongId,
    #[error("a key's name is without spaces and plus signs, and not empty")]
    Name,
    #[error("keys of this kind are not known here")]
    Unknown,
    #[error("a signing key is 32 bytes in base64")]
    Seed,
}

/// The public half, with the name it stands under. Printed as a verifier key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    pub name: String,
    pub kind: Kind,
    key: [u8; 32],
}

impl VerifierKey {
    /// What tells signatures of this key from others: the first four bytes of a hash.
    pub fn id(&self) -> [u8; 4] {
        let bytes =
            [self.name.as_bytes(), b"\n", &[self.kind.byte()], self.key.as_slice()].concat();
        let hash = sha256(&bytes);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key).verify(text, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[self.kind.byte()], self.key.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        let name = checked_name(name)?;
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Malformed)?;
        let (kind, key) = bytes.split_first().ok_or(KeyError::Malformed)?;
        let kind = [Kind::Notes, Kind::Checkpoints].into_iter().find(|it| it.byte() == *kind);
        let key = key.try_into().map_err(|_| KeyError::Malformed)?;
        let key = Self { name, kind: kind.ok_or(KeyError::Unknown)?, key };
        if hex::encode(key.id()) == id { Ok(key) } else { Err(KeyError::WrongId) }
    }
}

/// The private half.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

impl SigningKey {
    pub fn new(name: &str, kind: Kind, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Seed)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Seed)?;
        let public = VerifierKey { name: checked_name(name)?, kind, key };
        Ok(Self { pair, public })
    }

    /// The seed as 32 bytes in base64.
    pub fn parse(name: &str, kind: Kind, seed: &str) -> Result<Self, KeyError> {
        let seed = STANDARD.decode(seed.trim()).map_err(|_| KeyError::Seed)?;
        Self::new(name, kind, &seed.try_into().map_err(|_| KeyError::Seed)?)
    }

    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

fn checked_name(name: &str) -> Result<String, KeyError> {
    let unfit = |sign: char| sign == '+' || sign.is_whitespace() || sign.is_control();
    if name.is_empty() || name.contains(unfit) { Err(KeyError::Name) } else { Ok(name.to_owned()) }
}
