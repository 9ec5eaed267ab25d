//! How an aggregate declares its events: the stored name and version stand beside the variant,
//! once, and nothing else maps names to names.

/// Declares an event enum. `UserRegistered = "user.registered" v 1 { … }` gives the variant, its
/// serde tag, `cqrs_es::DomainEvent` and a line in `TYPES`.
macro_rules! events {
    ($(#[$meta:meta])* pub enum $name:ident { $(
        $(#[$vmeta:meta])* $variant:ident = $stored:literal v $version:literal {
            $( $(#[$fmeta:meta])* $field:ident : $ty:ty ),* $(,)?
        }
    ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
        pub enum $name { $(
            $(#[$vmeta])*
            #[serde(rename = $stored)]
            $variant { $( $(#[$fmeta])* $field: $ty ),* }
        ),* }

        impl $name {
            /// Every stored name with the schema version written today.
            pub const TYPES: &'static [(&'static str, u32)] = &[ $( ($stored, $version) ),* ];
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                match self { $( Self::$variant { .. } => $stored.to_owned() ),* }
            }
            fn event_version(&self) -> String {
                match self { $( Self::$variant { .. } => $version.to_string() ),* }
            }
        }
    };
}
pub(crate) use events;
