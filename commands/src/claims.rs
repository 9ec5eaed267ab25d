//! Names that only one person of a tenant may have, as keyed digests: what is compared is not what
//! is kept.

use aws_lc_rs::hmac;
use domain::id::{DeviceId, TenantId, UserId};
use domain::user::email::Email;
use domain::user::names::{Phone, Username};
use eventstore::Claim;

pub const EMAIL: &str = "user.email";
pub const USERNAME: &str = "user.username";
pub const PHONE: &str = "user.phone";
/// A file of casks, held by the ids that were reserved for its lines.
pub const IMPORT: &str = "whiskey.import";

/// Computes digests under a key that never leaves the process.
pub struct ClaimDigests(hmac::Key);

/// What a person may sign in with.
#[derive(Clone, PartialEq, Eq)]
pub enum Identifier {
    Email(Email),
    Username(Username),
    Phone(Phone),
}

impl Identifier {
    /// Tells by its look what was typed. Whatever is none of the three belongs to nobody.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            Email::parse(text).ok().map(Self::Email)
        } else if text.starts_with('+') {
            Phone::parse(text).ok().map(Self::Phone)
        } else {
            Username::parse(text).ok().map(Self::Username)
        }
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => EMAIL,
            Self::Username(_) => USERNAME,
            Self::Phone(_) => PHONE,
        }
    }

    fn comparable(&self) -> String {
        match self {
            Self::Email(email) => email.comparable(),
            Self::Username(name) => name.comparable(),
            Self::Phone(phone) => phone.as_str().to_owned(),
        }
    }
}

impl ClaimDigests {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    pub fn digest(&self, tenant: TenantId, identifier: &Identifier) -> Vec<u8> {
        let named = format!("{tenant}/{}/{}", identifier.kind(), identifier.comparable());
        hmac::sign(&self.0, named.as_bytes()).as_ref().to_vec()
    }

    /// The id of the guard that counts for what was typed, whether or not anybody has that name.
    pub fn guard(&self, tenant: TenantId, typed: &str) -> String {
        let named = match Identifier::parse(typed) {
            Some(identifier) => {
                format!("guard/{tenant}/{}/{}", identifier.kind(), identifier.comparable())
            }
            None => format!("guard/{tenant}/nothing/{typed}"),
        };
        hex::encode(hmac::sign(&self.0, named.as_bytes()))
    }

    /// The id of the guard that counts when a person with a token confirms who they are. Nothing
    /// that is typed into a sign-in form leads to it.
    pub fn confirmation_guard(&self, tenant: TenantId, user: UserId) -> String {
        hex::encode(hmac::sign(&self.0, format!("confirmation/{tenant}/{user}").as_bytes()))
    }

    /// The id of the guard that counts for a device that showed its token: nobody else's guesses
    /// keep its owner out.
    pub fn device_guard(&self, tenant: TenantId, user: UserId, device: DeviceId) -> String {
        hex::encode(hmac::sign(&self.0, format!("device/{tenant}/{user}/{device}").as_bytes()))
    }

    /// What a device is recognised by without its token.
    pub fn device(&self, tenant: TenantId, user: UserId, says_of_itself: [&str; 2]) -> String {
        let [fingerprint, user_agent] = says_of_itself;
        // The length keeps the two apart.
        let length = fingerprint.len();
        let named = format!("look/{tenant}/{user}/{length}/{fingerprint}{user_agent}");
        hex::encode(hmac::sign(&self.0, named.as_bytes()))
    }

    /// A file that is imported for somebody, by a digest of all that stands in it.
    pub fn import(&self, tenant: TenantId, owner: UserId, file: &[u8]) -> Vec<u8> {
        let named = [format!("import/{tenant}/{owner}/").as_bytes(), file].concat();
        hmac::sign(&self.0, &named).as_ref().to_vec()
    }

    pub fn claim(&self, tenant: TenantId, identifier: &Identifier, holder: String) -> Claim {
        let digest = self.digest(tenant, identifier);
        Claim { kind: identifier.kind(), digest, holder, let_go: false }
    }
}
