//! The endpoints: one file a resource.

pub mod auth;
pub mod internal;
pub mod nfts;
pub mod operations;
pub mod outbox;
pub mod passwords;
pub mod people;
pub mod sessions;
pub mod tokens;
pub mod users;
pub mod well_known;
pub mod whiskeys;

use time::OffsetDateTime;

/// A time of a read model as the contract writes it.
fn written(time: OffsetDateTime) -> String {
    let unix_ms = time.unix_timestamp_nanos().div_euclid(1_000_000);
    domain::moment::Moment::from_unix_ms(i64::try_from(unix_ms).unwrap_or_default()).to_string()
}

/// The tags of the document.
#[derive(poem_openapi::Tags)]
pub enum Tag {
    /// Accounts and signing in.
    Auth,
    /// People.
    Users,
    /// Casks.
    Whiskeys,
    /// Tokens.
    Nfts,
}
