//! Objects at rest under AES-256-GCM, in segments, so that a range is read without the rest.
//!
//! A segment is nonce, ciphertext and tag. What is authenticated with it: its number, and whether it
//! is the last, so that nothing can be cut off, exchanged or moved. The key is one per name.

use std::collections::VecDeque;
use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use aws_lc_rs::{hkdf, rand};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;

use super::{Chunks, ObjectError};

/// Plain bytes of a segment.
pub(super) const SEGMENT: usize = 64 * 1024;
/// Nonce and tag.
pub(super) const OVERHEAD: usize = NONCE_LEN + 16;
const SEALED: u64 = (SEGMENT + OVERHEAD) as u64;

/// What the keys of all objects are derived from.
#[derive(Clone)]
pub struct StorageKey(Prk);

impl std::fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StorageKey")
    }
}

impl StorageKey {
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hkdf::Salt::new(HKDF_SHA256, b"caskchain objects 1").extract(secret))
    }

    /// Under this name, nothing is done yet.
    pub(super) fn drawer(&self, name: &str) -> Result<Drawer, ObjectError> {
        struct Length;
        impl KeyType for Length {
            fn len(&self) -> usize {
                32
            }
        }
        let mut key = [0; 32];
        let named = [name.as_bytes()];
        let derived = self.0.expand(&named, Length).and_then(|okm| okm.fill(&mut key));
        let unbound = derived.and_then(|()| UnboundKey::new(&AES_256_GCM, &key));
        Ok(Drawer { key: LessSafeKey::new(unbound.map_err(|_| ObjectError::Corrupt)?), sealed: 0 })
    }
}

/// One object's key, and how many of its segments are sealed.
pub(super) struct Drawer {
    key: LessSafeKey,
    sealed: u64,
}

/// The segments that a range lies in.
pub(super) struct Segments {
    /// Where they are in what is stored.
    pub stored: Range<u64>,
    first: u64,
    /// Of the whole object.
    last: u64,
}

/// How long the plain object is.
pub(super) fn length_of(stored: u64) -> u64 {
    stored.saturating_sub(stored.div_ceil(SEALED) * OVERHEAD as u64)
}

fn authenticated(number: u64, last: bool) -> Aad<[u8; 9]> {
    let mut bytes = [0; 9];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8] = u8::from(last);
    Aad::from(bytes)
}

impl Drawer {
    /// The next segment.
    pub fn seal(&mut self, mut plain: Vec<u8>, last: bool) -> Result<Vec<u8>, ObjectError> {
        let unsealable = |_| ObjectError::Unavailable("an object cannot be sealed".to_owned());
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(unsealable)?;
        let aad = authenticated(self.sealed, last);
        self.sealed += 1;
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut plain)
            .map_err(unsealable)?;
        Ok([&nonce, &*plain].concat())
    }

    pub fn seal_all(mut self, plain: &[u8]) -> Result<Vec<u8>, ObjectError> {
        let count = plain.len().div_ceil(SEGMENT).max(1);
        let mut sealed = Vec::with_capacity(plain.len() + count * OVERHEAD);
        for number in 0..count {
            let end = plain.len().min((number + 1) * SEGMENT);
            let segment = plain[number * SEGMENT..end].to_vec();
            sealed.extend(self.seal(segment, number + 1 == count)?);
        }
        Ok(sealed)
    }

    pub fn segments(&self, stored: u64, wanted: &Range<u64>) -> Segments {
        let last = stored.div_ceil(SEALED).saturating_sub(1);
        let first = (wanted.start / SEGMENT as u64).min(last);
        let end = wanted.end.div_ceil(SEGMENT as u64).clamp(first + 1, last + 1);
        Segments { stored: first * SEALED..(end * SEALED).min(stored), first, last }
    }

    /// The plain bytes of what was `wanted`, from the segments around it.
    pub fn open(self, stored: Chunks, segments: Segments, wanted: Range<u64>) -> Chunks {
        let Segments { first, last, .. } = segments;
        let opening = Opening { drawer: self, stored, held: VecDeque::new(), next: first, last };
        let mut at = first * SEGMENT as u64;
        let opened = stream::unfold(opening, |mut opening| async {
            let segment = opening.next_segment().await?;
            Some((segment, opening))
        });
        opened
            .map(move |segment| {
                let plain = segment?;
                let here = at..at + plain.len() as u64;
                at = here.end;
                let start = wanted.start.clamp(here.start, here.end) - here.start;
                let end = wanted.end.clamp(here.start, here.end) - here.start;
                Ok(plain.slice(index(start)..index(end)))
            })
            .boxed()
    }

    fn unseal(&self, mut sealed: Vec<u8>, number: u64, last: bool) -> Result<Bytes, ObjectError> {
        let nonce = sealed.get(..NONCE_LEN).ok_or(ObjectError::Corrupt)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| ObjectError::Corrupt)?;
        let length = self
            .key
            .open_within(nonce, authenticated(number, last), &mut sealed, NONCE_LEN..)
            .map_err(|_| ObjectError::Corrupt)?
            .len();
        sealed.truncate(length);
        Ok(sealed.into())
    }
}

/// A lossless turn of an offset within a segment.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// An object that is being opened.
struct Opening {
    drawer: Drawer,
    stored: Chunks,
    held: VecDeque<u8>,
    next: u64,
    last: u64,
}

impl Opening {
    async fn next_segment(&mut self) -> Option<Result<Bytes, ObjectError>> {
        while (self.held.len() as u64) < SEALED {
            match self.stored.next().await {
                Some(Ok(chunk)) => self.held.extend(chunk),
                Some(Err(error)) => return Some(Err(error)),
                None if self.held.is_empty() => return None,
                None => break,
            }
        }
        let length = self.held.len().min(SEGMENT + OVERHEAD);
        let sealed = self.held.drain(..length).collect();
        let number = self.next;
        self.next += 1;
        Some(self.drawer.unseal(sealed, number, number == self.last))
    }
}
