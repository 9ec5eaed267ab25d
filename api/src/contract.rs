//! `caskchain contract`: makes a contract before a server could run, in the lanes that will mint by it; and
//! holds what one has against the log.

mod reconcile;

use clap::Subcommand;
use commands::Asked;
use commands::deployment::WantedContract;
use commands::reactions::mint::Minter;
use domain::deployment::Deployment;
use domain::id::TenantId;
use domain::nft::address::EvmAddress;
use eventstore::Context;

use crate::config::Config;
use crate::networks::deploying_network;
use crate::wiring::{Platform, StartError};

#[derive(Subcommand)]
pub enum Command {
    /// Make the contract and wait until it is in a final block. Prints its address, for the
    /// configuration.
    #[command(
        after_help = "Example: caskchain contract deploy --network polygon --admin 0x8ba1f109551bD432803012645Ac136ddd64DBA72"
    )]
    Deploy {
        /// The network by name; the configured one if left out.
        #[arg(long)]
        network: Option<String>,
        /// Of the collection, as wallets show it.
        #[arg(long, default_value = "CaskChain Casks")]
        name: String,
        #[arg(long, default_value = "CASK")]
        symbol: String,
        /// Who gives and takes the roles of the contract; its signers mint once they are given
        /// MINTER_ROLE.
        #[arg(long)]
        admin: String,
    },
    /// Read all of a contract's tokens from final blocks and hold them against the log, token by token.
    /// Ends with 1 if they disagree. What is under way is no disagreement.
    #[command(
        after_help = "Example: caskchain contract reconcile --network polygon --from-block 61000000 --adopt"
    )]
    Reconcile(reconcile::Arguments),
}

/// Says whether all is well.
pub async fn run(config: Config, command: Command) -> Result<bool, StartError> {
    match command {
        Command::Deploy { network, name, symbol, admin } => {
            let wanted = WantedContract { network, name, symbol, admin: administrator(&admin)? };
            make(config, wanted).await?;
            Ok(true)
        }
        Command::Reconcile(arguments) => reconcile::run(&config, &arguments).await,
    }
}

fn administrator(address: &str) -> Result<EvmAddress, StartError> {
    let reason = |violation| StartError::Other(format!("admin {violation}"));
    EvmAddress::parse(address).map_err(reason)
}

async fn make(config: Config, wanted: WantedContract) -> Result<(), StartError> {
    let config = willing(config, wanted.network.as_deref());
    let platform = Platform::start(&config, &[]).await?;
    let made = deploy(&config, &platform, &wanted).await;
    platform.stop().await;
    println!("{}", made?);
    Ok(())
}

/// Whoever has the configuration may make a contract, and there need not be one yet.
fn willing(mut config: Config, network: Option<&str>) -> Config {
    let others = config.networks.iter_mut();
    for (name, chain) in others.chain([(&config.chain.network.clone(), &mut config.chain)]) {
        chain.may_deploy = Some(network.is_none_or(|wanted| wanted == name));
        chain.contract = chain.contract.or(Some(EvmAddress::ZERO));
        chain.custody = chain.custody.or(Some(EvmAddress::ZERO));
    }
    config
}

async fn deploy(
    config: &Config,
    platform: &Platform,
    wanted: &WantedContract,
) -> Result<EvmAddress, StartError> {
    let network = deploying_network(config, wanted.network.as_deref()).await?;
    let asked = Asked::by(Context::system(TenantId::PLATFORM, "operator", "contract", "contract"));
    let asked_for = platform.commands.deploy_contract(&asked, wanted).await;
    let id = asked_for.map_err(StartError::of)?.answer;
    let pins = crate::pins::pins(&config.ipfs)?;
    let commands = platform.commands.clone();
    let minter = Minter::new(
        commands,
        vec![network],
        platform.content.clone(),
        pins,
        platform.ledger.clone(),
    );
    let made = minter.make(id, tell).await.map_err(StartError::of)?;
    made.ok_or_else(|| StartError::Other("the transaction failed in a final block".to_owned()))
}

fn tell(deployment: &Deployment) {
    match deployment {
        Deployment::Requested { plan } => eprintln!("asked for, on {}", plan.network),
        Deployment::Assigned { address, .. } => {
            eprintln!("will be at {address}, once its block is final");
        }
        Deployment::Unrequested | Deployment::Confirmed { .. } | Deployment::Failed => {}
    }
}
