//! Before a nonce could be for several mints, giving it up gave up all it was for.

use serde_json::{Map, Value};

use crate::upcast::Upcaster;

pub const CANCEL_REQUESTED_1_TO_2: Upcaster =
    Upcaster { event_type: "lane.cancel_requested", from: 1, change: say_it_is_for_all };

fn say_it_is_for_all(data: &mut Map<String, Value>) {
    data.insert("mint".to_owned(), Value::Null);
}
