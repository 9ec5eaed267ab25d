//! Before a nonce could be for several mints, it was for one.

use serde_json::{Map, Value, json};

use crate::upcast::Upcaster;

pub const NONCE_ASSIGNED_1_TO_2: Upcaster =
    Upcaster { event_type: "lane.nonce_assigned", from: 1, change: say_it_is_an_errand };

fn say_it_is_an_errand(data: &mut Map<String, Value>) {
    if let Some(mint) = data.remove("mint") {
        data.insert("errand".to_owned(), json!({ "kind": "mints", "mints": [mint] }));
    }
}
