//! A point in time, in UTC and whole milliseconds, written as RFC 3339.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A point in time. It is given, never asked for: there is no `now` here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    unix_ms: i64,
}

/// The years that RFC 3339 can write: 0000 to 9999.
const WRITABLE_MS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

impl Moment {
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self { unix_ms }
    }

    pub const fn unix_ms(self) -> i64 {
        self.unix_ms
    }

    pub const fn unix_s(self) -> i64 {
        self.unix_ms.div_euclid(1000)
    }

    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_ms(self.unix_ms.saturating_add(span_ms))
    }

    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_ms(self.unix_ms.saturating_sub(span_ms))
    }

    /// Reads RFC 3339; anything finer than a millisecond is dropped. What could not be written in UTC
    /// is no time.
    pub fn parse(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let unix_ms = i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
        WRITABLE_MS.contains(&unix_ms).then_some(Self { unix_ms })
    }
}

/// Writes RFC 3339; a time beyond what it can write as the nearest it can.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        let unix_ms = self.unix_ms.clamp(*WRITABLE_MS.start(), *WRITABLE_MS.end());
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
            .ok()
            .and_then(|time| time.format(shape).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let moment = Moment::from_unix_ms(1_795_230_000_007);
        assert_eq!(moment.to_string(), "2026-11-21T03:00:00.007Z");
        assert_eq!(Moment::parse(&moment.to_string()), Some(moment));
        assert_eq!(Moment::parse("2026-11-21T04:00:00.0074+01:00"), Some(moment));
        assert_eq!(Moment::parse("yesterday"), None);
    }

    #[test]
    fn every_moment_can_be_written_and_what_is_written_can_be_read() {
        for unix_ms in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
            let written = Moment::from_unix_ms(unix_ms).to_string();
            assert!(Moment::parse(&written).is_some(), "{written}");
        }
        let (first, last) = ("0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z");
        for text in [first, last] {
            assert_eq!(Moment::parse(text).unwrap().to_string(), text);
        }
        for beyond in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01"] {
            assert_eq!(Moment::parse(beyond), None, "{beyond}");
        }
    }
}
