//! Tokens that are derived from three numbers and a server key, so that neither log nor database
//! ever holds one: whoever knows the key can write any of them again.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const FACTS: usize = 24;

/// Derives and checks tokens of one kind; `label` keeps kinds apart.
pub(super) struct Derived {
    key: hmac::Key,
    label: &'static [u8],
    /// What tells people, and scanners for leaked secrets, what they have found.
    prefix: &'static str,
}

impl Derived {
    pub fn new(key: &[u8; 32], label: &'static [u8], prefix: &'static str) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), label, prefix }
    }

    /// The numbers and their authentication code.
    pub fn token(&self, facts: [i64; 3]) -> String {
        let facts: Vec<u8> = facts.iter().flat_map(|fact| fact.to_be_bytes()).collect();
        let code = hmac::sign(&self.key, &[self.label, &facts].concat());
        format!("{}{}", self.prefix, URL_SAFE_NO_PAD.encode([&facts, code.as_ref()].concat()))
    }

    /// The numbers, if the token is one of ours.
    pub fn check(&self, token: &str) -> Option<[i64; 3]> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(self.prefix)?).ok()?;
        let (facts, code) = bytes.split_first_chunk::<FACTS>()?;
        hmac::verify(&self.key, &[self.label, facts].concat(), code).ok()?;
        let fact = |at: usize| {
            let bytes = facts.get(at..at + 8)?.try_into().ok()?;
            Some(i64::from_be_bytes(bytes))
        };
        Some([fact(0)?, fact(8)?, fact(16)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tokens_are_believed() {
        let ours = Derived::new(&[1; 32], b"one", "cc_");
        let token = ours.token([1, 7, 8]);
        assert!(token.starts_with("cc_"));
        assert_eq!(ours.check(&token), Some([1, 7, 8]));
        assert_eq!(Derived::new(&[2; 32], b"one", "cc_").check(&token), None);
        assert_eq!(Derived::new(&[1; 32], b"two", "cc_").check(&token), None);
        let bare = token.trim_start_matches("cc_");
        for bad in ["", "x", bare, &token[..token.len() - 2], &format!("{token}AA"), "cc_\u{e9}"] {
            assert_eq!(ours.check(bad), None, "{bad}");
        }
        let another = ours.token([1, 9, 8]);
        let forged = format!("{}{}", &another[..35], &token[35..]);
        assert_eq!(ours.check(&forged), None);
    }
}
