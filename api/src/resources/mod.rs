//! The endpoints: one file a resource.

pub mod alerts;
pub mod audit;
pub mod auth;
pub mod contracts;
pub mod devices;
pub mod files;
pub mod internal;
pub mod ipfs;
pub mod ledger;
pub mod login_history;
pub mod mints;
pub mod networks;
pub mod nfts;
pub mod notifications;
pub mod oauth2;
pub mod operations;
pub mod outbox;
pub mod ownership;
pub mod passwords;
pub mod people;
pub mod portfolio;
pub mod sessions;
pub mod sign_in;
pub mod tenants;
pub mod tokens;
pub mod transactions;
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
    /// Tenants.
    Tenants,
    /// What administrators watch.
    Security,
    /// What was done, for auditors.
    Audit,
    /// The log as strangers check it.
    Ledger,
    /// Casks.
    Whiskeys,
    /// Images and documents.
    Files,
    /// Tokens.
    Nfts,
    /// The networks they are minted on.
    Blockchain,
}
