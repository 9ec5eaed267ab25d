//! `user.password_changed` and `user.password_reset` of version 1 did not say when: such a password
//! does not expire.

use serde_json::{Map, Value};

use crate::upcast::Upcaster;

pub const PASSWORD_CHANGED_1_TO_2: Upcaster =
    Upcaster { event_type: "user.password_changed", from: 1, change: undated };

pub const PASSWORD_RESET_1_TO_2: Upcaster =
    Upcaster { event_type: "user.password_reset", from: 1, change: undated };

fn undated(data: &mut Map<String, Value>) {
    data.insert("at".to_owned(), Value::Null);
}
