//! Values, aggregates and rules. Nothing here does IO, reads a clock or draws a random number:
//! facts are gathered by `commands` and handed in.

pub mod catalogue;
pub mod command;
pub mod contract;
pub mod deployment;
pub mod devices;
pub mod event;
pub mod file;
pub mod fixed;
pub mod id;
pub mod lane;
pub mod language;
pub mod ledger;
pub mod moment;
pub mod nft;
pub mod notices;
pub mod permission;
pub mod personal;
pub mod refusal;
pub mod replay;
pub mod role;
pub mod session;
pub mod shelf;
pub mod sign_in_codes;
pub mod sign_in_guard;
pub mod sign_ins;
pub mod tenant;
pub mod upcast;
pub mod user;
pub mod violation;
pub mod whiskey;

#[cfg(test)]
mod history;
