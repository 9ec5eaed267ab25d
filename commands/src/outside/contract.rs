//! The contract on a development chain: deployed by an account of its own, so that the minting
//! lane's nonces stay its own. Real networks name a contract in their configuration.

use std::time::Duration;

use domain::lane::Attempt;
use domain::nft::address::EvmAddress;
use tokio::time::{Instant, sleep};

use super::chain::{Chain, ChainError};
use super::ethers::{Account, ContractRole};
use super::evm_network::EvmNetwork;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Who may do what by a contract.
#[derive(Clone, Copy, Debug)]
pub struct Rights<'a> {
    pub minters: &'a [EvmAddress],
    /// Who keeps heads of the ledger there.
    pub anchorers: &'a [EvmAddress],
    /// Whether it mints only what is proven to be approved.
    pub wants_proof: bool,
}

/// The contract `deployer` makes with its first transaction, with these rights. Does only what is not done
/// yet, so it can be broken off anywhere and begun again.
pub async fn development_contract(
    network: &EvmNetwork,
    deployer: &Account,
    rights: Rights<'_>,
) -> Result<EvmAddress, ChainError> {
    let contract = deployer.first_contract();
    if !network.has_code(contract).await? {
        let deployment = deployer.sign_deployment(0, network.fees().await?)?;
        send_and_wait(network, &deployment).await?;
    }
    let minters = rights.minters.iter().map(|minter| (ContractRole::Minter, *minter));
    let anchorers = rights.anchorers.iter().map(|anchorer| (ContractRole::Anchor, *anchorer));
    for (role, account) in minters.chain(anchorers) {
        if !network.has_role(contract, role, account).await? {
            let nonce = network.nonce(deployer.address()).await?;
            let fees = network.fees().await?;
            let grant = deployer.sign_grant(nonce, contract, role, account, fees)?;
            send_and_wait(network, &grant).await?;
        }
    }
    if rights.wants_proof && !network.approval_required(contract).await? {
        let nonce = network.nonce(deployer.address()).await?;
        let fees = network.fees().await?;
        let requirement = deployer.sign_requirement(nonce, contract, fees)?;
        send_and_wait(network, &requirement).await?;
    }
    Ok(contract)
}

async fn send_and_wait(network: &EvmNetwork, attempt: &Attempt) -> Result<(), ChainError> {
    let deadline = Instant::now() + PATIENCE;
    let (raw, hash) = ([attempt.raw.clone()], [attempt.tx_hash.clone()]);
    loop {
        network.broadcast(&raw).await;
        match network.receipts(&hash).await?.remove(&attempt.tx_hash) {
            Some(receipt) if receipt.succeeded => return Ok(()),
            Some(_) => {
                return Err(ChainError::Nonsense("a set-up transaction reverted".into()));
            }
            None if Instant::now() > deadline => {
                return Err(ChainError::Unavailable("a set-up transaction is not mined".into()));
            }
            None => sleep(LOOK_EVERY).await,
        }
    }
}
