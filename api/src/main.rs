//! The binary `caskchain`: a list of commands, each one file beside this.

use std::process::ExitCode;

use api::config::Config;
use api::role::Role;
use api::wiring::StartError;
use api::{
    audit, backup, content, contract, demo, dev, document, import, keys, logging, read_models,
    restore, serve, setup, sweep, witness,
};
use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whisky casks from registration to NFT, on a log that strangers can check.
#[derive(Parser)]
#[command(
    name = "caskchain",
    version,
    after_help = "Example: caskchain          (everything embedded, on 127.0.0.1:3000)"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A TOML file; environment variables CASKCHAIN_… win over it.
    #[arg(long, global = true, env = "CASKCHAIN_CONFIG")]
    config: Option<std::path::PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Everything embedded: PostgreSQL, NATS and a chain are started as needed. The default.
    Dev,
    /// Serve with the services that are configured.
    #[command(after_help = "Example: caskchain serve --roles api,projections")]
    Serve {
        /// api, sequencer, projections, minting, notifications, files; all of them by default.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Bring the event store's schema up to date.
    Migrate,
    /// Signing keys of access tokens.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Walk from registration to a minted NFT against a running server.
    #[command(after_help = "Example: caskchain demo")]
    Demo,
    /// Contracts that tokens are minted by.
    Contract {
        #[command(subcommand)]
        command: contract::Command,
    },
    /// Bundles of the log, and what they prove.
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// Base backups and the write-ahead log, by PostgreSQL's own tools.
    Backup {
        #[command(subcommand)]
        command: backup::Command,
    },
    /// The database as it was at a point in time.
    Restore {
        #[command(subcommand)]
        command: restore::Command,
    },
    /// Read models.
    Projections {
        #[command(subcommand)]
        command: read_models::Command,
    },
    /// Tenants.
    Tenant {
        #[command(subcommand)]
        command: TenantCommand,
    },
    /// People.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Files.
    Files {
        #[command(subcommand)]
        command: FilesCommand,
    },
    /// Content by its identifier.
    Ipfs {
        #[command(subcommand)]
        command: IpfsCommand,
    },
    /// Register the casks of a CSV file, many at once.
    #[command(after_help = import::help())]
    Import(import::Arguments),
    /// Be a witness: sign heads of logs, each only if it continues the last one. Prints its key.
    #[command(after_help = "Example: caskchain witness --name witness.example \
                            --log 'log.example/1+0a1b2c3d+AS0…'")]
    Witness(witness::Arguments),
    /// Print the OpenAPI document as YAML.
    #[command(after_help = "Example: caskchain openapi > openapi.yaml")]
    Openapi {
        /// The document of the listener for services.
        #[arg(long)]
        internal: bool,
    },
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Make a tenant; the first one has the id 1 and is the platform's own. Prints its id.
    #[command(after_help = "Example: caskchain tenant create --name 'Islay Casks'")]
    Create {
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Make an administrator whose address needs no verification. The password comes from standard
    /// input.
    #[command(
        after_help = "Example: caskchain user create-admin --tenant 1 --email keeper@casks.example < password"
    )]
    CreateAdmin {
        /// The tenant's id.
        #[arg(long, default_value = "1")]
        tenant: String,
        #[arg(long)]
        email: String,
        #[arg(long, default_value = "Administrator")]
        name: String,
    },
}

#[derive(Subcommand)]
enum FilesCommand {
    /// Delete what a process that died left in the file store. The server does so every day.
    #[command(after_help = "Example: caskchain files sweep --older-than 3600")]
    Sweep {
        /// Seconds. What is younger may belong to an upload under way.
        #[arg(long, default_value = "3600")]
        older_than: u64,
    },
}

#[derive(Subcommand)]
enum IpfsCommand {
    /// Put a file into the content store. Prints its identifier: the one kubo gives it.
    #[command(after_help = "Example: caskchain ipfs add cask.jpg")]
    Add { file: std::path::PathBuf },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make the next key before its time: published now, it signs from tomorrow on.
    #[command(after_help = "Example: caskchain keys rotate")]
    Rotate,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::read(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    let outcome = match arguments.command.unwrap_or(Command::Dev) {
        Command::Openapi { internal } => {
            print!("{}", if internal { document::internal_yaml() } else { document::yaml() });
            return ExitCode::SUCCESS;
        }
        Command::Contract { command } => {
            logging::start(&config);
            return judged(contract::run(config, command).await);
        }
        Command::Audit { command } => return audit::run(&config, command).await,
        Command::Witness(arguments) => {
            logging::start(&config);
            witness::run(arguments).await
        }
        Command::Projections { command } => {
            return judged(read_models::run(&config, command).await);
        }
        Command::Backup { command } => return judged(backup::run(&config, command).await),
        Command::Restore { command } => {
            logging::start(&config);
            restore::run(config, command).await
        }
        Command::Demo => demo::walk(&config).await,
        Command::Dev => {
            logging::start(&config);
            dev::run(config).await
        }
        Command::Serve { roles } => {
            logging::start(&config);
            serve::run(config, roles).await
        }
        Command::Migrate => serve::migrate(&config).await,
        Command::Tenant { command: TenantCommand::Create { name } } => {
            setup::create_tenant(&config, &name).await
        }
        Command::User { command: UserCommand::CreateAdmin { tenant, email, name } } => {
            setup::create_administrator(&config, &tenant, &email, &name).await
        }
        Command::Files { command: FilesCommand::Sweep { older_than } } => {
            sweep::sweep(&config, older_than).await
        }
        Command::Ipfs { command: IpfsCommand::Add { file } } => content::add(&config, &file).await,
        Command::Import(arguments) => import::run(&config, &arguments).await,
        Command::Keys { command: KeysCommand::Rotate } => keys::rotate(&config).await,
    };
    outcome.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

/// Of a command that says whether all is well.
fn judged(outcome: Result<bool, StartError>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("caskchain: {error}");
    ExitCode::FAILURE
}
