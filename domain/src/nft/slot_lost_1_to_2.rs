//! Before a batch that reverts set its mints free, nonces were lost in other ways only.

use serde_json::{Map, Value};

use crate::upcast::Upcaster;

pub const SLOT_LOST_1_TO_2: Upcaster =
    Upcaster { event_type: "nft.mint_slot_lost", from: 1, change: say_it_did_not_revert };

fn say_it_did_not_revert(data: &mut Map<String, Value>) {
    data.insert("reverted".to_owned(), Value::Bool(false));
}
