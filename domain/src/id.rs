//! Identities: snowflakes, 64 bits in Rust and decimal strings in JSON, because they pass 2^53.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::violation::Violation;

fn parse_snowflake(text: &str) -> Result<i64, Violation> {
    // Leading zeros and signs would give one identity two spellings.
    let canonical = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(value) if canonical && value > 0 && !text.starts_with('0') => Ok(value),
        _ => Err(Violation::MalformedId),
    }
}

macro_rules! ids {
    ($( $(#[$meta:meta])* $name:ident ),* $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a number the generator gave or the database kept.
            pub const fn new(value: i64) -> Self { Self(value) }
            pub const fn value(self) -> i64 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Violation;
            fn from_str(text: &str) -> Result<Self, Violation> { parse_snowflake(text).map(Self) }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                parse_snowflake(&text).map(Self).map_err(|_| de::Error::custom("malformed id"))
            }
        }
    )* };
}

ids! {
    /// An organisation. Tenant 1 is the platform's own.
    TenantId,
    /// A person in one tenant.
    UserId,
    /// One sign-in on one device.
    SessionId,
    /// What somebody signs in with.
    DeviceId,
    /// A cask; also its token id on every chain.
    WhiskeyId,
    /// Bytes somebody uploaded.
    FileId,
    /// A contract that is to be made.
    DeploymentId,
    /// A question that was mailed to somebody and waits for its answer.
    ChallengeId,
}

impl TenantId {
    /// The operator above all tenants, and the tenant of those who name none.
    pub const PLATFORM: Self = Self(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        assert_eq!("7204".parse::<UserId>().unwrap(), UserId::new(7204));
        for bad in ["", "0", "-1", "+1", "007", "1e3", "9223372036854775808", "１２", "1 "] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn passes_two_to_the_53_unharmed() {
        let id = WhiskeyId::new(9_007_199_254_740_993);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"9007199254740993\"");
        assert_eq!(serde_json::from_str::<WhiskeyId>(&json).unwrap(), id);
    }
}
