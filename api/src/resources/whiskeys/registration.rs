//! What is filled in to register a cask.

use domain::whiskey::details::{CaskType, Category, Details, FillDate, Money, StorageLocation};
use poem_openapi::Object;

use crate::http::body::Checked;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::values::{Decimal, Text, Whole};

/// A cask to be registered. Needed: name, distillery, category, caskNumber, caskType,
/// alcoholContent, volume.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct RegisterWhiskeyBody {
    name: Needed<Text<200>>,
    brand: Parsed<Text<100>>,
    distillery: Needed<Text<100>>,
    region: Parsed<Text<100>>,
    category: Needed<Category>,
    /// Full years in wood.
    age: Parsed<Whole<0, 100>>,
    /// The year of distillation.
    vintage: Parsed<Whole<1800, 2200>>,
    cask_number: Needed<Text<50>>,
    cask_type: Needed<CaskType>,
    fill_date: Parsed<FillDate>,
    /// Percent of volume at 20 °C.
    alcohol_content: Needed<Decimal<2, 0, 100>>,
    /// Bulk litres at 20 °C.
    volume: Needed<Decimal<2, 0, 10_000>>,
    storage_location: Parsed<StorageLocation>,
    condition: Parsed<Text<1000>>,
    market_value: Parsed<Money>,
    description: Parsed<Text<4000>>,
}

impl Checked for RegisterWhiskeyBody {
    type Value = Details;

    fn check(self, violations: &mut Violations) -> Option<Details> {
        let name = violations.required("name", self.name);
        let brand = violations.optional("brand", self.brand);
        let distillery = violations.required("distillery", self.distillery);
        let region = violations.optional("region", self.region);
        let category = violations.required("category", self.category);
        let age = violations.optional("age", self.age);
        let vintage = violations.optional("vintage", self.vintage);
        let cask_number = violations.required("caskNumber", self.cask_number);
        let cask_type = violations.required("caskType", self.cask_type);
        let fill_date = violations.optional("fillDate", self.fill_date);
        let alcohol_content = violations.required("alcoholContent", self.alcohol_content);
        let volume = violations.required("volume", self.volume);
        let storage_location = violations.optional("storageLocation", self.storage_location);
        let condition = violations.optional("condition", self.condition);
        let market_value = violations.optional("marketValue", self.market_value);
        let description = violations.optional("description", self.description);
        Some(Details {
            name: name?.0,
            brand: brand?.map(|text| text.0),
            distillery: distillery?.0,
            region: region?.map(|text| text.0),
            category: category?,
            age: age?.and_then(|years| u8::try_from(years.0).ok()),
            vintage: vintage?.and_then(|year| u16::try_from(year.0).ok()),
            cask_number: cask_number?.0,
            cask_type: cask_type?,
            fill_date: fill_date?,
            alcohol_content: alcohol_content?.0,
            volume: volume?.0,
            storage_location: storage_location?,
            condition: condition?.map(|text| text.0),
            market_value: market_value?,
            description: description?.map(|text| text.0),
        })
    }
}
