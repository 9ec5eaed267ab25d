//! What is not ours: one file for each system, library or secret.

pub mod aliyun;
mod bounded_answer;
pub mod chain;
pub mod challenges;
mod circuit_breaker;
pub mod content_store;
pub mod contract;
mod derived;
pub mod device_tokens;
pub mod ethers;
pub mod evm_network;
mod evm_reads;
pub mod file_links;
pub mod gas_price;
pub mod images;
pub mod key_keeper;
pub mod key_ring;
pub mod kubo;
pub mod lane_signer;
pub mod mail;
pub mod mailjet;
pub mod objects;
pub mod outbox;
pub mod passwords;
pub mod pinning_service;
pub mod pins;
#[cfg(test)]
mod played;
pub mod readable_chain;
pub mod refresh_tokens;
mod rpc;
pub mod sign_in_codes;
pub mod signers;
pub mod sms;
pub mod sms_webhook;
pub mod smtp;
pub mod tokens;
