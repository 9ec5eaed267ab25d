//! The ERC-721 metadata document of a cask: one JSON text, the same bytes for the same facts.

use serde::Serialize;

use crate::whiskey::details::Details;

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

/// Writes the document.
pub fn document(details: &Details) -> String {
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
        ("Original litres of alcohol", Some(details.litres_of_alcohol().to_string())),
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
    use crate::whiskey::samples::details;

    #[test]
    fn the_document_names_what_is_known_and_nothing_else() {
        let text = document(&details());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["name"], "Ardcairn 2012");
        assert!(text.contains(r#"{"trait_type":"Vintage","value":"2012"}"#));
        assert!(!text.contains("Brand"));
        assert_eq!(text, document(&details()));
    }
}
