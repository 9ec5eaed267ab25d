//! For auditors: a bundle of the log to take home, and the verdict on one.

mod chain;
mod export;
mod scope;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Subcommand, ValueEnum};
use domain::id::TenantId;
use eventstore::ledger::key::VerifierKey;

use self::scope::Wanted;
use crate::config::Config;

#[derive(Subcommand)]
pub enum Command {
    /// Write a bundle that can be verified anywhere. What is there already is not written again, so
    /// that a broken-off export, or one of a log that has grown, goes on.
    #[command(after_help = "Example: caskchain audit export --to-folder bundle\n         \
                            caskchain audit export --to-folder bundle --tenant 1")]
    Export(Export),
    /// Verify a bundle, offline. Ends with 0 if every claim holds, 1 if one does not, 2 if nothing
    /// can be said. It has to be of the whole log, or of what is named by the words it was exported
    /// with.
    #[command(after_help = "Example: caskchain audit verify bundle \
                            --key 'log.example/1+0a1b2c3d+AS0…' --earlier checkpoint-of-may")]
    Verify(Box<Verify>),
}

#[derive(clap::Args)]
pub struct Export {
    #[arg(long)]
    to_folder: PathBuf,
    #[command(flatten)]
    of: Wanted,
    /// Only as far as a witness has signed.
    #[arg(long)]
    witnessed: bool,
    #[arg(long, default_value = "text")]
    output: Output,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("kept").multiple(true))]
pub struct Verify {
    bundle: PathBuf,
    /// What the bundle has to hold: what it says of itself is not believed.
    #[command(flatten)]
    of: Wanted,
    /// The log's verifier key, from somewhere else than the bundle.
    #[arg(long)]
    key: VerifierKey,
    /// Verifier keys of witnesses, all of which must have signed the head.
    #[arg(long)]
    witness: Vec<VerifierKey>,
    /// A checkpoint that was kept from an earlier time.
    #[arg(long, group = "kept")]
    earlier: Option<PathBuf>,
    /// The receipt of an event that has to be here. Whoever leaves out the last events of a tenant, or of a
    /// stream, is found by the receipt of one of them.
    #[arg(long, group = "kept")]
    receipt: Vec<PathBuf>,
    /// The verifier key of that checkpoint, or of receipts, if the log had another name before a restore.
    #[arg(long, requires = "kept")]
    earlier_key: Option<VerifierKey>,
    /// A node of a chain the log mints on, as in 1=https://node.example: what it has is compared with
    /// what the log says. Several of one chain have to agree.
    #[arg(long, value_parser = chain::node)]
    rpc: Vec<(u64, String)>,
    /// The block the first contract of a chain was made in, or any before it, as in 1=19000000: earlier ones
    /// are not read. Otherwise all are, and a long chain takes hours.
    #[arg(long, value_parser = chain::block, requires = "rpc")]
    from_block: Vec<(u64, u64)>,
    /// Compare the read models of the configured database, too, with a fresh replay of its log.
    #[arg(long)]
    database: bool,
    /// Leave out the replay through the rules, which needs memory for every stream.
    #[arg(long)]
    without_rules: bool,
    #[arg(long, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Nothing can be said.
const UNDECIDED: u8 = 2;

pub async fn run(config: &Config, command: Command) -> ExitCode {
    let outcome = match command {
        Command::Export(wanted) => export::run(config, wanted).await.map(|()| true),
        Command::Verify(wanted) => verdict::run(config, &wanted).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("caskchain: {error}");
            ExitCode::from(UNDECIDED)
        }
    }
}

/// Why nothing can be said.
type Undecided = Box<dyn std::error::Error + Send + Sync>;

fn tenant(text: &str) -> Result<TenantId, Undecided> {
    text.parse().map_err(|_| format!("{text} is no tenant's id").into())
}
