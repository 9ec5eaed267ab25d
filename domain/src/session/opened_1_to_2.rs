//! `session.opened` of version 1 did not say on which device.

use serde_json::Value;

use crate::upcast::Upcaster;

pub const OPENED_1_TO_2: Upcaster = Upcaster {
    event_type: "session.opened",
    from: 1,
    change: |data| {
        data.insert("device".to_owned(), Value::Null);
    },
};
