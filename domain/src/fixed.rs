//! Decimal numbers with a fixed count of decimals. Whisky is measured and paid for; floats are for
//! neither.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::violation::Violation;

/// A decimal number kept as an integer count of 10^-DECIMALS; a decimal string in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed<const DECIMALS: u32>(i64);

impl<const DECIMALS: u32> Fixed<DECIMALS> {
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    pub const fn units(self) -> i64 {
        self.0
    }

    /// Reads plain decimal notation: no exponent, no sign but minus, at most 15 digits in all.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let malformed = Violation::MalformedDecimal(DECIMALS);
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let dangling = digits.ends_with('.');
        if whole.is_empty() || dangling || !plain(whole) || !plain(fraction) {
            return Err(malformed);
        }
        let decimals = DECIMALS as usize;
        if fraction.len() > decimals || whole.len() + decimals > 15 {
            return Err(malformed);
        }
        let padded = format!("{whole}{fraction:0<decimals$}");
        let units: i64 = padded.parse().map_err(|_| malformed)?;
        Ok(Self(if negative { -units } else { units }))
    }

    /// The value itself if it lies within the bounds, both included, given in whole numbers.
    pub fn within(self, min: i64, max: i64) -> Result<Self, Violation> {
        let scale = 10_i64.pow(DECIMALS);
        if (min * scale..=max * scale).contains(&self.0) {
            Ok(self)
        } else {
            Err(Violation::OutOfRange(min.to_string(), max.to_string()))
        }
    }
}

impl<const DECIMALS: u32> fmt::Display for Fixed<DECIMALS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u64.pow(DECIMALS);
        let (sign, units) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let width = DECIMALS as usize;
        write!(f, "{sign}{}.{:0width$}", units / scale, units % scale)
    }
}

impl<const DECIMALS: u32> fmt::Debug for Fixed<DECIMALS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const DECIMALS: u32> Serialize for Fixed<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const DECIMALS: u32> Deserialize<'de> for Fixed<DECIMALS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_not_plain_decimal() {
        for bad in ["", ".", "1.", ".5", "1e3", "+1", "1,5", "1.234", "--1", "NaN", "٣"] {
            assert!(Fixed::<2>::parse(bad).is_err(), "{bad}");
        }
        assert!(Fixed::<2>::parse("99999999999999").is_err());
    }

    proptest! {
        #[test]
        fn prints_what_it_reads(units in -99_999_999_999_999_i64..=99_999_999_999_999) {
            let fixed = Fixed::<2>::from_units(units);
            prop_assert_eq!(Fixed::<2>::parse(&fixed.to_string()).unwrap(), fixed);
        }
    }
}
