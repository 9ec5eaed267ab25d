//! What can go wrong while a component is found, installed, started or stopped.

use std::path::PathBuf;

/// The one error of this crate; every variant reads as a sentence a developer can act on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Another living process works in the same data folder.
    #[error("the data folder {} is in use by process {pid}: stop it or choose another folder", folder.display())]
    FolderInUse {
        /// The folder both want.
        folder: PathBuf,
        /// The process that has it, as it wrote itself into the lock file.
        pid: String,
    },
    /// A program is neither installed nor installable here; `hint` says how to get it.
    #[error("{program} is missing and could not be installed ({why}): {hint}")]
    Missing {
        /// The program, with the oldest version that will do.
        program: &'static str,
        /// Why the automatic installation failed.
        why: String,
        /// How to install it by hand, or do without.
        hint: &'static str,
    },
    /// A component ended, or was not ready in time, while it was being started.
    #[error("{component} did not start: {why}{log}")]
    Start {
        /// "PostgreSQL", "nats-server" or "anvil".
        component: &'static str,
        /// What was seen.
        why: String,
        /// The last lines of its log, each on its own line, or nothing.
        log: String,
    },
    /// A component did not end although it was killed.
    #[error("{component} (process {pid}) did not end in time")]
    Stop {
        /// The component.
        component: &'static str,
        /// The process to look at.
        pid: u32,
    },
    /// Data of a PostgreSQL major version for which no program is at hand.
    #[error(
        "{} was made by PostgreSQL {major}, which is not installed here: install PostgreSQL {major}, or move that folder away to begin anew",
        data.display()
    )]
    OtherMajor {
        /// PostgreSQL's data folder.
        data: PathBuf,
        /// The major version it needs.
        major: u32,
    },
    /// The development chain did not answer a call as it should.
    #[error("the development chain failed at {call}: {why}")]
    Chain {
        /// The JSON-RPC method.
        call: &'static str,
        /// The error, in words.
        why: String,
    },
    /// The operating system refused something.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, e.g. "create /data/nats".
        doing: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl EmbeddedError {
    /// For `map_err`: keeps what was being done beside the system's bare answer.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
