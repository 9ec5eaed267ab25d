//! Codes of six digits that are mailed at sign-in. They are derived, so neither event nor database
//! holds one.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use domain::id::{ChallengeId, TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::derived::Derived;

/// Derives codes, and the tokens that say which sign-in a code belongs to.
pub struct SignInCodes {
    tokens: Derived,
    key: hmac::Key,
}

/// Which sign-in waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingSignIn {
    pub tenant: TenantId,
    pub user: UserId,
    pub challenge: ChallengeId,
}

const CODES: u64 = 1_000_000;

impl SignInCodes {
    pub fn new(key: &[u8; 32]) -> Self {
        let tokens = Derived::new(key, b"caskchain/sign-in/v1", "ccs_");
        Self { tokens, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Only whoever has it can guess at the code.
    pub fn token(&self, of: WaitingSignIn) -> SecretString {
        self.tokens.token([of.tenant.value(), of.user.value(), of.challenge.value()]).into()
    }

    pub fn check(&self, token: &SecretString) -> Option<WaitingSignIn> {
        let [tenant, user, challenge] = self.tokens.check(token.expose_secret())?;
        Some(WaitingSignIn {
            tenant: TenantId::new(tenant),
            user: UserId::new(user),
            challenge: ChallengeId::new(challenge),
        })
    }

    /// The code of the letter after `resends` others.
    pub fn code(&self, of: WaitingSignIn, resends: u32) -> String {
        let facts = [of.tenant.value(), of.user.value(), of.challenge.value(), i64::from(resends)];
        let facts: Vec<u8> = facts.iter().flat_map(|fact| fact.to_be_bytes()).collect();
        let mac = hmac::sign(&self.key, &[b"caskchain/code/v1".as_slice(), &facts].concat());
        // Of 2^64 numbers a million is so small a part that no code is likelier than another.
        let number = mac.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        format!("{:06}", number % CODES)
    }

    pub fn matches(&self, of: WaitingSignIn, resends: u32, typed: &SecretString) -> bool {
        let code = self.code(of, resends);
        verify_slices_are_equal(code.as_bytes(), typed.expose_secret().as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_has_a_code_of_its_own() {
        let codes = SignInCodes::new(&[7; 32]);
        let of = WaitingSignIn {
            tenant: TenantId::PLATFORM,
            user: UserId::new(7),
            challenge: ChallengeId::new(8),
        };
        let code = codes.code(of, 0);
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
        assert_ne!(code, codes.code(of, 1));
        assert_ne!(code, codes.code(WaitingSignIn { user: UserId::new(9), ..of }, 0));
        assert_ne!(code, SignInCodes::new(&[8; 32]).code(of, 0));
        assert!(codes.matches(of, 0, &code.clone().into()));
        assert!(!codes.matches(of, 1, &code.into()));
        assert!(!codes.matches(of, 0, &"".to_owned().into()));
        assert_eq!(codes.check(&codes.token(of)), Some(of));
    }
}
