//! The contract: rebuilt to the committed bytes, tested by forge, tried on a node at the price that
//! was promised, and asked to mint against an approval out of a log that the event store wrote.
//! Everything runs in a copy of `contracts`, with npm packages installed by its lock file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contract {
    mod artefact;
    mod log;
    mod toolbox;
}
