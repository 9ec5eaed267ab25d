//! Tokens that stand in mails: derived from a challenge and a server key, so that neither log nor
//! database ever holds one.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{ChallengeId, TenantId, UserId};

/// Derives and checks tokens.
pub struct Challenges(hmac::Key);

/// Whose question an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    pub tenant: TenantId,
    pub user: UserId,
    pub challenge: ChallengeId,
}

const FACTS: usize = 24;
const LABEL: &[u8] = b"caskchain/challenge/v1";

impl Challenges {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The token of a challenge: three ids and their authentication code.
    pub fn token(&self, of: Answered) -> String {
        let facts = [of.tenant.value(), of.user.value(), of.challenge.value()];
        let facts: Vec<u8> = facts.iter().flat_map(|fact| fact.to_be_bytes()).collect();
        let code = hmac::sign(&self.0, &[LABEL, &facts].concat());
        URL_SAFE_NO_PAD.encode([&facts, code.as_ref()].concat())
    }

    /// What the token answers, if it is one of ours.
    pub fn check(&self, token: &str) -> Option<Answered> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (facts, code) = bytes.split_first_chunk::<FACTS>()?;
        hmac::verify(&self.0, &[LABEL, facts].concat(), code).ok()?;
        let fact = |at: usize| {
            let bytes = facts.get(at..at + 8)?.try_into().ok()?;
            Some(i64::from_be_bytes(bytes))
        };
        Some(Answered {
            tenant: TenantId::new(fact(0)?),
            user: UserId::new(fact(8)?),
            challenge: ChallengeId::new(fact(16)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: Answered = Answered {
        tenant: TenantId::PLATFORM,
        user: UserId::new(7),
        challenge: ChallengeId::new(8),
    };

    #[test]
    fn only_our_own_tokens_are_believed() {
        let ours = Challenges::new(&[1; 32]);
        let token = ours.token(OF);
        assert_eq!(ours.check(&token), Some(OF));
        assert_eq!(Challenges::new(&[2; 32]).check(&token), None);
        for bad in ["", "x", &token[..token.len() - 2], &format!("{token}AA"), "é"] {
            assert_eq!(ours.check(bad), None, "{bad}");
        }
        let another = ours.token(Answered { user: UserId::new(9), ..OF });
        let forged = format!("{}{}", &another[..32], &token[32..]);
        assert_eq!(ours.check(&forged), None);
    }
}
