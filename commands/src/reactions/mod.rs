//! Reactions: what happens because something happened. They follow the log over JetStream and only
//! ever come back in by sending a command.

pub mod files;
pub mod mail;
pub mod mint;
pub mod notices;
mod subscription;

pub use subscription::ReactionError;
