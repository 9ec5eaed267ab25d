//! The log against a real PostgreSQL and a real NATS: what is promised of it, under load, beside a
//! second process, and while servers die.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod log {
    mod access;
    mod append;
    mod big_tree;
    mod claims;
    mod connections;
    mod content;
    mod follower;
    mod forgetting;
    mod frameworks;
    mod ids;
    mod lost;
    mod outage;
    mod personal;
    mod questions;
    mod relay;
    mod servers;
    mod snapshots;
}
