//! What is not ours: one file for each system, library or secret.

pub mod chain;
pub mod challenges;
mod contract;
mod ethers;
pub mod evm_node;
pub mod outbox;
pub mod passwords;
pub mod tokens;
