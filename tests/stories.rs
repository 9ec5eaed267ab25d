//! Stories about the whole system: the real binary over real PostgreSQL, NATS and a chain.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed, and says where")]

mod world;

mod accounts;
mod anchors;
mod as_of;
mod audit;
mod authorisation;
mod bad_input;
mod cask_life;
mod casks;
mod chain_proxy;
mod chain_reads;
mod content;
mod conventions;
mod crashes;
mod cursors;
mod deployments;
mod devices;
mod erasure;
mod event_stream;
mod file_store;
mod files;
mod guessing_codes;
mod imports;
mod internal;
mod killed;
mod killed_at_the_door;
mod ledger;
mod ledger_attacks;
mod limits;
mod login_history;
mod mail;
mod mint_batches;
mod mint_care;
mod mint_chaos;
mod mints;
mod networks;
mod notifications;
mod outages;
mod ownership;
mod parked;
mod password_policy;
mod passwords;
mod path;
mod portfolio;
mod processes;
mod profiles;
mod read_models;
mod reconcile;
mod search;
mod sessions;
mod sign_in_codes;
mod starting_and_stopping;
mod timing;
