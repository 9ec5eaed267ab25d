//! The HTTP contract: what every request and every answer has in common.

pub mod asking;
pub mod authentication;
pub mod body;
pub mod client_address;
pub mod conversation;
pub mod converse;
pub mod either;
pub mod envelope;
pub mod error_code;
pub mod failure;
pub mod field;
pub mod language;
pub mod limits;
mod nested;
pub mod past;
pub mod portion;
pub mod problem;
pub mod proofs;
pub mod reading;
pub mod service;
pub mod sips;
pub mod values;
