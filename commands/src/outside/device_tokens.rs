//! Device tokens: what a device shows at the next sign-in, so that it is known by more than by what
//! it says of itself.

use domain::id::{DeviceId, TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::derived::Derived;

/// Derives and checks device tokens.
pub struct DeviceTokens(Derived);

/// Whose device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    pub tenant: TenantId,
    pub user: UserId,
    pub device: DeviceId,
}

impl DeviceTokens {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Derived::new(key, b"caskchain/device/v1", "ccd_"))
    }

    pub fn token(&self, of: Owned) -> SecretString {
        self.0.token([of.tenant.value(), of.user.value(), of.device.value()]).into()
    }

    /// Which device it is, if the token is one of ours.
    pub fn check(&self, token: &SecretString) -> Option<Owned> {
        let [tenant, user, device] = self.0.check(token.expose_secret())?;
        Some(Owned {
            tenant: TenantId::new(tenant),
            user: UserId::new(user),
            device: DeviceId::new(device),
        })
    }
}
