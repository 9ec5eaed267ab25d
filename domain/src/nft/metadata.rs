//! The ERC-721 metadata document of a cask: one JSON text, the same bytes for the same facts.

use serde::Serialize;

use crate::whiskey::Entry;

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    description: String,
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct Attribute {
    trait_type: &'static str,
    value: String,
}

/// Writes the document, of the cask as it is today.
pub fn document(entry: &Entry) -> String {
    let details = &entry.details;
    let facts = [
        ("Distillery", Some(details.distillery.clone())),
        ("Brand", details.brand.clone()),
        ("Region", details.region.clone()),
        ("Category", Some(details.category.word().to_owned())),
        ("Age", details.age.map(|age| age.to_string())),
        ("Vintage", details.vintage.map(|year| year.to_string())),
        ("Cask number", Some(details.cask_number.clone())),
        ("Cask type", Some(details.cask_type.word().to_owned())),
        ("Fill date", details.fill_date.map(|date| date.to_string())),
        ("Alcohol by volume (%)", Some(details.alcohol_content.to_string())),
        ("Volume (litres)", Some(details.volume.to_string())),
        ("Original litres of alcohol", Some(entry.original_litres_of_alcohol.to_string())),
    ];
    let document = Document {
        name: &details.name,
        description: details
            .description
            .clone()
            .unwrap_or_else(|| format!("Cask {} of {}.", details.cask_number, details.distillery)),
        attributes: facts
            .into_iter()
            .filter_map(|(trait_type, value)| Some(Attribute { trait_type, value: value? }))
            .collect(),
    };
    // A struct of strings has no way to fail in JSON; an empty document would show at once.
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::Aggregate;

    use crate::whiskey::Whiskey;
    use crate::whiskey::samples::{regauged, registered};

    #[test]
    fn the_document_names_what_is_known_and_nothing_else() {
        let text = document(&entry(false));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["name"], "Ardcairn 2012");
        assert!(text.contains(r#"{"trait_type":"Vintage","value":"2012"}"#));
        assert!(!text.contains("Brand"));
        assert_eq!(text, document(&entry(false)));
    }

    #[test]
    fn what_was_measured_since_does_not_change_what_there_was() {
        let text = document(&entry(true));
        assert!(text.contains(r#"litres of alcohol","value":"158.75""#), "{text}");
        assert!(text.contains(r#"{"trait_type":"Volume (litres)","value":"240.00"}"#), "{text}");
    }

    fn entry(measured: bool) -> Entry {
        let mut whiskey = Whiskey::default();
        whiskey.apply(registered());
        if measured {
            whiskey.apply(regauged());
        }
        whiskey.entry().unwrap().clone()
    }
}
