//! Personal data in events: in the clear only on its way into the vault, a reference ever after.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::UserId;

/// Why a datum is kept. Each purpose has a key of its own, so that one can be erased while the law
/// keeps another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// How to reach and address a person.
    Contact,
    /// What guards an account: hashes, addresses, user agents.
    Security,
    /// What excise law wants kept: owners of casks, six years.
    Excise,
}

impl Purpose {
    pub const ALL: [Self; 3] = [Self::Contact, Self::Security, Self::Excise];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Security => "security",
            Self::Excise => "excise",
        }
    }
}

/// What stands in the event for a personal datum. It says nothing about the datum and stays valid
/// when key and ciphertext are gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedRef {
    pub subject: UserId,
    pub purpose: Purpose,
    /// 32 random bytes, base64url: the single-use key is derived from them.
    pub salt: String,
    /// SHA-256 of the ciphertext, hex: where it lies in the vault.
    pub hash: String,
    /// Commits to the key (hex), so that one ciphertext cannot be opened to two truths.
    pub commitment: String,
}

/// A personal datum. An event is decided with it in the clear and stored with it sealed; state and
/// snapshots, which are folded from stored events, only ever hold the reference.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal<T> {
    Clear { subject: UserId, purpose: Purpose, value: T },
    Sealed(SealedRef),
}

impl<T> Personal<T> {
    pub fn new(subject: UserId, purpose: Purpose, value: T) -> Self {
        Self::Clear { subject, purpose, value }
    }

    /// The reference, if it has been sealed.
    pub fn sealed(&self) -> Option<&SealedRef> {
        match self {
            Self::Sealed(reference) => Some(reference),
            Self::Clear { .. } => None,
        }
    }
}

/// Never shows the value: events are logged, and the log is not a vault.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear { purpose, .. } => write!(f, "Personal({}: …)", purpose.name()),
            Self::Sealed(reference) => write!(f, "Personal({})", reference.hash),
        }
    }
}

/// The JSON key under which a datum in the clear travels to the codec, and nowhere else.
pub const CLEAR_KEY: &str = "$clear";
/// The JSON key under which a reference is stored.
pub const SEALED_KEY: &str = "$sealed";

#[derive(Serialize)]
struct ClearForm<'a, T> {
    subject: UserId,
    purpose: Purpose,
    value: &'a T,
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Clear { subject, purpose, value } => {
                let form = ClearForm { subject: *subject, purpose: *purpose, value };
                map.serialize_entry(CLEAR_KEY, &form)?;
            }
            Self::Sealed(reference) => map.serialize_entry(SEALED_KEY, reference)?,
        }
        map.end()
    }
}

impl<'de, T> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Stored {
            #[serde(rename = "$sealed")]
            sealed: SealedRef,
        }
        // Only the sealed form can be read: a datum in the clear is never stored.
        Ok(Self::Sealed(Stored::deserialize(deserializer)?.sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_and_the_clear_form_cannot_be_read_back() {
        let email = Personal::new(UserId::new(7), Purpose::Contact, "a@example.com".to_owned());
        assert!(!format!("{email:?}").contains("example"));
        let json = serde_json::to_string(&email).unwrap();
        assert!(json.starts_with(r#"{"$clear":"#));
        assert!(serde_json::from_str::<Personal<String>>(&json).is_err());
    }
}
