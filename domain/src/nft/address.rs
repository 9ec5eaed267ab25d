//! An address on an EVM chain.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::violation::Violation;

/// 20 bytes, written as 0x and lower-case hexadecimal. The checksum spelling is read, not written:
/// one address, one spelling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvmAddress([u8; 20]);

impl EvmAddress {
    /// Where tokens come from and where burned ones go.
    pub const ZERO: Self = Self([0; 20]);

    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> [u8; 20] {
        self.0
    }

    pub fn parse(text: &str) -> Result<Self, Violation> {
        let digits = text.strip_prefix("0x").ok_or(Violation::MalformedAddress)?;
        if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Violation::MalformedAddress);
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| Violation::MalformedAddress)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| Violation::MalformedAddress)?;
        }
        Ok(Self(bytes))
    }
}

/// An address that can hold a token: any but the one that burned tokens go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient(pub EvmAddress);

impl Recipient {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        match EvmAddress::parse(text)? {
            EvmAddress::ZERO => Err(Violation::MalformedAddress),
            address => Ok(Self(address)),
        }
    }
}

impl fmt::Display for EvmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EvmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for EvmAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EvmAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_tokens_at_the_zero_address() {
        assert!(Recipient::parse("0x0000000000000000000000000000000000000000").is_err());
        assert!(Recipient::parse("0x0000000000000000000000000000000000000001").is_ok());
    }

    #[test]
    fn one_spelling() {
        let mixed = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
        assert_eq!(EvmAddress::parse(mixed).unwrap().to_string(), mixed.to_lowercase());
        for bad in ["", "0x", "5fbdb2315678afecb367f032d93f642f64180aa3", &mixed[..41], "0x+é"] {
            assert!(EvmAddress::parse(bad).is_err(), "{bad}");
        }
    }
}
