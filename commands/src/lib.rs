//! The write side: executing commands, use cases that gather facts, reactions, the letters they
//! write, and one file for each system that is not ours. It never sees a read model.

pub mod claims;
pub mod deployment;
pub mod devices;
pub mod error;
mod evenly;
pub mod execute;
pub mod file;
pub mod ledger;
pub mod letters;
pub mod nft;
pub mod outside;
pub mod reactions;
pub mod session;
pub mod tenant;
pub mod unixfs;
pub mod user;
pub mod whiskey;

pub use error::CommandError;
pub use execute::{Asked, Commands, Done};
