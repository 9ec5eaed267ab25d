//! At first it was not told in the event who showed the key.

use serde_json::{Map, Value};

use crate::upcast::Upcaster;

pub const OWNERSHIP_VERIFIED_1_TO_2: Upcaster =
    Upcaster { event_type: "nft.ownership_verified", from: 1, change: say_nobody_was_told };

fn say_nobody_was_told(data: &mut Map<String, Value>) {
    data.insert("user".to_owned(), Value::Null);
}
