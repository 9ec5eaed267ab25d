//! Tokens that stand in mails.

use domain::id::{ChallengeId, TenantId, UserId};

use super::derived::Derived;

/// Derives and checks the tokens of mailed questions.
pub struct Challenges(Derived);

/// Whose question an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    pub tenant: TenantId,
    pub user: UserId,
    pub challenge: ChallengeId,
}

impl Challenges {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Derived::new(key, b"caskchain/challenge/v1", ""))
    }

    pub fn token(&self, of: Answered) -> String {
        self.0.token([of.tenant.value(), of.user.value(), of.challenge.value()])
    }

    /// What the token answers, if it is one of ours.
    pub fn check(&self, token: &str) -> Option<Answered> {
        let [tenant, user, challenge] = self.0.check(token)?;
        Some(Answered {
            tenant: TenantId::new(tenant),
            user: UserId::new(user),
            challenge: ChallengeId::new(challenge),
        })
    }
}
