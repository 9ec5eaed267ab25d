//! The log: append, read in order, seal, prove, publish. It knows events and streams, no aggregate by
//! name, and no system but PostgreSQL and NATS.

mod append_call;
pub mod appender;
mod cache;
pub mod clock;
pub mod commit;
pub mod connections;
pub mod cqrs;
pub mod database;
pub mod entropy;
pub mod envelope;
pub mod follow;
pub mod forgetting;
pub mod ids;
pub mod journal;
mod leading;
pub mod ledger;
pub mod limits;
pub mod listen;
pub mod lost;
pub mod progress;
pub mod questions;
pub mod recorded;
pub mod relay;
pub mod secrets;
mod snapshots;
pub mod store;
pub mod stream;
mod touched;
pub mod vault;
mod writer;

pub use clock::Clock;
pub use commit::{Claim, Commit, CommitError, Committed, IdempotencyKey, IdempotencySecret};
pub use connections::Connections;
pub use entropy::Entropy;
pub use envelope::Context;
pub use recorded::Recorded;
pub use snapshots::Name;
pub use store::{Loaded, Store, StoreError};
