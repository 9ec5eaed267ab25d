//! `caskchain restore`: the database as it was at a point in time, and everything around it brought to
//! where it belongs to that database again.

mod cluster;
mod finish;
mod lost;
mod name;
mod outcome;

use clap::Subcommand;

use crate::config::Config;
use crate::wiring::StartError;

#[derive(Subcommand)]
pub enum Command {
    /// Make a PostgreSQL data folder that recovers to a point in time once a server is started on it.
    /// Nobody writes to it before `restore finish`. Run it as the account PostgreSQL runs as.
    #[command(
        after_help = "Example: caskchain restore cluster --from-folder /backup --to-folder /var/lib/postgresql/15/main --until 2026-11-29T03:00:00.000Z"
    )]
    Cluster(cluster::Arguments),
    /// Find out what was lost, keep it, erase again who was erased, record the restore in the log, and
    /// have the stream and the ledger begin from what there is. Every other process of the platform has
    /// to be stopped. May be repeated.
    #[command(after_help = "Example: caskchain restore finish --lost-to lost.jsonl")]
    Finish(finish::Arguments),
}

pub async fn run(config: Config, command: Command) -> Result<(), StartError> {
    match command {
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Finish(arguments) => finish::run(config, &arguments).await,
    }
}
