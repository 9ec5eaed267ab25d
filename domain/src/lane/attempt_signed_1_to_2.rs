//! Before a nonce could be given up, whatever was signed was a mint.

use serde_json::{Map, Value, json};

use crate::upcast::Upcaster;

pub const ATTEMPT_SIGNED_1_TO_2: Upcaster =
    Upcaster { event_type: "lane.attempt_signed", from: 1, change: say_it_is_a_mint };

fn say_it_is_a_mint(data: &mut Map<String, Value>) {
    if let Some(Value::Object(attempt)) = data.get_mut("attempt") {
        attempt.insert("kind".to_owned(), json!("mint"));
    }
}
