//! The roles a process can take on: all of them, or some beside other processes.

use clap::ValueEnum;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Answers HTTP.
    Api,
    /// Publishes the log to JetStream.
    Sequencer,
    /// Keeps read models.
    Projections,
    /// Mints.
    Minting,
    /// Sends mail.
    Notifications,
    /// Makes renditions of images, and deletes what is gone.
    Files,
}
