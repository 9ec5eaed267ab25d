//! Refresh tokens. The successor of a token can be derived again, so a client that lost an answer
//! gets the very same one, and nothing secret is stored anywhere.

use domain::id::{SessionId, TenantId};
use secrecy::{ExposeSecret, SecretString};

use super::derived::Derived;

/// Derives and checks refresh tokens.
pub struct RefreshTokens(Derived);

/// Which token it is: of which session, and how many came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub tenant: TenantId,
    pub session: SessionId,
    pub generation: u32,
}

impl RefreshTokens {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Derived::new(key, b"caskchain/refresh/v1", "ccr_"))
    }

    pub fn token(&self, of: Shown) -> SecretString {
        let facts = [of.tenant.value(), of.session.value(), i64::from(of.generation)];
        self.0.token(facts).into()
    }

    /// Which token it is, if it is one of ours.
    pub fn check(&self, token: &SecretString) -> Option<Shown> {
        let [tenant, session, generation] = self.0.check(token.expose_secret())?;
        Some(Shown {
            tenant: TenantId::new(tenant),
            session: SessionId::new(session),
            generation: generation.try_into().ok()?,
        })
    }
}
