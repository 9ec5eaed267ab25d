//! The signing keys: when each signs, when it is only believed, and when the next is due. A key is
//! known to everybody a day before it signs and believed for a week after.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::moment::Moment;
use jsonwebtoken::DecodingKey;

use super::tokens::TokenError;

/// How long a key is published before it signs, so that nobody meets an unknown one.
pub const PUBLISHED_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a key signs.
pub const SIGNS_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long it is believed after that.
pub const BELIEVED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A key that was parsed once.
pub struct SigningKey {
    pub id: String,
    pub signs_from: Moment,
    pair: KeyPair,
    pub(super) checking: DecodingKey,
}

/// All keys, by the time they begin to sign.
#[derive(Default)]
pub struct KeyRing(Vec<SigningKey>);

/// A public key as the JWKS has it: RFC 7517.
pub struct PublicKey {
    pub id: String,
    /// base64url, as RFC 7518 has them.
    pub modulus: String,
    pub exponent: String,
}

/// Makes a key: PKCS#8, RSA 2048.
pub fn make_key() -> Option<Vec<u8>> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
    Some(der.as_ref().to_vec())
}

impl SigningKey {
    pub fn new(signs_from: Moment, pkcs8: &[u8]) -> Result<Self, TokenError> {
        let pair =
            KeyPair::from_pkcs8(pkcs8).map_err(|error| TokenError::Key(error.to_string()))?;
        let public = pair.public_key();
        let id = hex::encode(digest(&SHA256, public.as_ref()));
        let checking = DecodingKey::from_rsa_der(public.as_ref());
        Ok(Self { id: id[..16].to_owned(), signs_from, pair, checking })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|error| TokenError::Unsigned(error.to_string()))?;
        Ok(signature)
    }

    fn public(&self) -> PublicKey {
        let key = self.pair.public_key();
        let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        PublicKey {
            id: self.id.clone(),
            modulus: text(key.modulus().big_endian_without_leading_zero()),
            exponent: text(key.exponent().big_endian_without_leading_zero()),
        }
    }
}

impl KeyRing {
    pub fn new(mut keys: Vec<SigningKey>) -> Self {
        keys.sort_by_key(|key| key.signs_from);
        Self(keys)
    }

    /// The key that signs now.
    pub fn signing(&self, now: Moment) -> Option<&SigningKey> {
        self.0.iter().rfind(|key| key.signs_from <= now)
    }

    /// The keys that are published: whatever signs, will sign, or may have signed what is still
    /// believed.
    pub fn published(&self, now: Moment) -> impl Iterator<Item = PublicKey> {
        self.believed(now).map(SigningKey::public)
    }

    pub(super) fn believed(&self, now: Moment) -> impl Iterator<Item = &SigningKey> {
        let ends = |index: usize| self.0.get(index + 1).map(|next| next.signs_from);
        self.0.iter().enumerate().filter_map(move |(index, key)| {
            let over = ends(index).is_some_and(|end| end.plus(BELIEVED_FOR) <= now);
            (!over).then_some(key)
        })
    }

    pub(super) fn believed_key(&self, id: &str, now: Moment) -> Option<&SigningKey> {
        self.believed(now).find(|key| key.id == id)
    }

    /// When the next key has to begin, if it is time to make it.
    pub fn due(&self, now: Moment) -> Option<Moment> {
        let Some(newest) = self.0.last() else {
            return Some(now);
        };
        let begins = newest.signs_from.plus(SIGNS_FOR);
        (begins <= now.plus(PUBLISHED_AHEAD)).then(|| begins.max(now.plus(PUBLISHED_AHEAD)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn day(number: i64) -> Moment {
        Moment::from_unix_ms(number * DAY_MS)
    }

    fn ring(days: &[i64]) -> KeyRing {
        let key = |from: &i64| SigningKey::new(day(*from), &make_key().unwrap()).unwrap();
        KeyRing::new(days.iter().map(key).collect())
    }

    #[test]
    fn a_key_signs_for_ninety_days_and_its_successor_is_known_a_day_before() {
        assert_eq!(KeyRing::default().due(day(5)), Some(day(5)));
        let one = ring(&[0]);
        assert_eq!(one.due(day(88)), None);
        assert_eq!(one.due(day(89)), Some(day(90)));
        // Nobody looked for a long time: still a day's notice.
        assert_eq!(one.due(day(200)), Some(day(201)));
        assert_eq!(one.signing(day(200)).unwrap().signs_from, day(0));

        let two = ring(&[90, 0]);
        assert_eq!(two.due(day(100)), None);
        assert_eq!(two.signing(day(89)).unwrap().signs_from, day(0));
        assert_eq!(two.signing(day(90)).unwrap().signs_from, day(90));
        assert_eq!(two.published(day(89)).count(), 2);
        assert_eq!(two.published(day(96)).count(), 2);
        assert_eq!(two.published(day(97)).count(), 1);
        let old = two.signing(day(1)).unwrap().id.clone();
        assert!(two.believed_key(&old, day(96)).is_some());
        assert!(two.believed_key(&old, day(97)).is_none());
    }
}
