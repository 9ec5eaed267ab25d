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

/// The contract `deployer` makes with its first transaction, and `minters` allowed to mint and to keep
/// heads of the ledger there. Does
/// only what is not done yet, so it can be broken off anywhere and begun again.
pub async fn development_contract(
    network: &EvmNetwork,
    deployer: &Account,
    minters: &[EvmAddress],
) -> Result<EvmAddress, ChainError> {
    let contract = deployer.first_contract();
    if !network.has_code(contract).await? {
        let deployment = deployer.sign_deployment(0, network.fees().await?)?;
        send_and_wait(network, &deployment).await?;
    }
    for minter in minters {
        for role in [ContractRole::Minter, ContractRole::Anchor] {
            if !network.has_role(contract, role, *minter).await? {
                let nonce = network.nonce(deployer.address()).await?;
                let fees = network.fees().await?;
                let grant = deployer.sign_grant(nonce, contract, role, *minter, fees)?;
                send_and_wait(network, &grant).await?;
            }
        }
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
