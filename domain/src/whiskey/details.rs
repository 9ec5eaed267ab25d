//! What is known of a cask: names, wood, measures, place, value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Date;
use time::macros::format_description;

use crate::fixed::Fixed;
use crate::violation::Violation;

/// Everything a register entry says about a cask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    pub name: String,
    pub brand: Option<String>,
    pub distillery: String,
    pub region: Option<String>,
    pub category: Category,
    /// Full years in wood.
    pub age: Option<u8>,
    /// The year of distillation.
    pub vintage: Option<u16>,
    pub cask_number: String,
    pub cask_type: CaskType,
    pub fill_date: Option<FillDate>,
    /// Percent of volume at 20 °C.
    pub alcohol_content: Fixed<2>,
    /// Bulk litres at 20 °C.
    pub volume: Fixed<2>,
    pub storage_location: Option<StorageLocation>,
    pub condition: Option<String>,
    pub market_value: Option<Money>,
    pub description: Option<String>,
}

impl Details {
    /// Litres of pure alcohol, rounded half up to two decimals.
    pub fn litres_of_alcohol(&self) -> Fixed<2> {
        litres_of_alcohol(self.volume, self.alcohol_content)
    }
}

/// Litres of pure alcohol in a volume of a strength, rounded half up to two decimals.
pub(super) fn litres_of_alcohol(volume: Fixed<2>, alcohol_content: Fixed<2>) -> Fixed<2> {
    Fixed::from_units((volume.units() * alcohol_content.units() + 5_000) / 10_000)
}

/// Where a cask lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageLocation {
    pub warehouse: String,
    pub bond: Option<String>,
    pub position: Option<String>,
}

/// An amount with its ISO 4217 currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount: Fixed<4>,
    pub currency: Currency,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Violation::MalformedCurrency)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A calendar day, written as ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillDate(Date);

impl FillDate {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"))
            .map(Self)
            .map_err(|_| Violation::MalformedDate)?;
        // Only what is written back the same: years before Christ would not be readable again.
        if date.to_string() == text && date.0.year() > 0 {
            Ok(date)
        } else {
            Err(Violation::MalformedDate)
        }
    }
}

impl fmt::Display for FillDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl Serialize for FillDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FillDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A closed list of words, each with the one spelling used in events, HTTP and the database.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $( $variant:ident = $word:literal ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $( #[serde(rename = $word)] $variant ),* }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[ $( $word ),* ];

            pub const fn word(self) -> &'static str {
                match self { $( Self::$variant => $word ),* }
            }
        }

        impl FromStr for $name {
            type Err = Violation;
            fn from_str(text: &str) -> Result<Self, Violation> {
                match text {
                    $( $word => Ok(Self::$variant), )*
                    _ => Err(Violation::NotOneOf(Self::WORDS.join(", "))),
                }
            }
        }
    };
}

words! {
    Category {
        SingleMalt = "single_malt", BlendedMalt = "blended_malt", BlendedGrain = "blended_grain",
        Grain = "grain", Bourbon = "bourbon", Rye = "rye", Other = "other",
    }
}

words! {
    CaskType {
        BourbonBarrel = "bourbon_barrel", Hogshead = "hogshead", SherryButt = "sherry_butt",
        PortPipe = "port_pipe", Puncheon = "puncheon", MadeiraDrum = "madeira_drum",
        QuarterCask = "quarter_cask", Other = "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litres_of_alcohol_round_half_up() {
        let mut details = super::super::samples::details();
        details.volume = Fixed::parse("250.00").unwrap();
        details.alcohol_content = Fixed::parse("63.50").unwrap();
        assert_eq!(details.litres_of_alcohol().to_string(), "158.75");
        details.volume = Fixed::parse("0.50").unwrap();
        details.alcohol_content = Fixed::parse("1.00").unwrap();
        assert_eq!(details.litres_of_alcohol().to_string(), "0.01");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        assert_eq!(FillDate::parse("2012-02-29").unwrap().to_string(), "2012-02-29");
        for bad in [
            "2013-02-29",
            "2012-2-9",
            "12-02-2012",
            "2012-02-29T00:00:00Z",
            "",
            "-0044-05-05",
            "+2012-05-31",
            "0000-01-01",
        ] {
            assert!(FillDate::parse(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        /// What cannot be read back would stop every reader of the log, for good.
        #[test]
        fn every_day_that_is_accepted_can_be_read_back(text in "[-+]?[0-9]{4,5}-[0-9]{2}-[0-9]{2}") {
            if let Ok(date) = FillDate::parse(&text) {
                let written = serde_json::to_string(&date).unwrap();
                proptest::prop_assert_eq!(serde_json::from_str::<FillDate>(&written).unwrap(), date);
            }
        }
    }
}
