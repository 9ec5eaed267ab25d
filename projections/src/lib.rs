//! The read side: read models folded from the log. Each is one file with its fold and its queries,
//! its table stands in `migrations/` under the same name. All of it can be dropped and replayed.

pub mod alerts;
pub mod attempts;
pub mod audit_log;
pub mod contracts;
pub mod devices;
pub mod differences;
pub mod files;
pub mod generation;
pub mod login_history;
pub mod nfts;
pub mod page;
pub mod parked;
pub mod past;
pub mod portfolio;
pub mod projection;
pub mod reading;
pub mod revocations;
pub mod runner;
mod searchers;
pub mod sessions;
pub mod users;
pub mod whiskey_history;
pub mod whiskeys;

pub use parked::Parked;
pub use past::{Authority, Past, PastError, Then};
pub use projection::{ApplyError, Projection};
pub use reading::{ReadError, Readers};
pub use revocations::Revocations;
pub use runner::{Runner, Status};
pub use searchers::Searchers;
