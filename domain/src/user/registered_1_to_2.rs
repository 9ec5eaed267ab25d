//! `user.registered` of version 1 knew one language, and not when the password was set.

use serde_json::Value;

use crate::upcast::Upcaster;

pub const REGISTERED_1_TO_2: Upcaster = Upcaster {
    event_type: "user.registered",
    from: 1,
    change: |data| {
        data.insert("language".to_owned(), Value::from("en"));
        data.insert("at".to_owned(), Value::Null);
    },
};
