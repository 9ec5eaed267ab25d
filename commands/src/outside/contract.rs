//! The contract on a development chain: deployed by an account of its own, so that the minting
//! lane's nonces stay its own. Real networks name a contract in their configuration.

use std::time::Duration;

use domain::lane::Attempt;
use domain::nft::address::EvmAddress;
use tokio::time::{Instant, sleep};

use super::chain::{Chain, ChainError};
use super::evm_node::EvmNode;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl EvmNode {
    /// The contract this account deploys with its first transaction, and `minter` allowed to mint.
    /// Does only what is not done yet, so it can be broken off anywhere and begun again.
    pub async fn development_contract(&self, minter: EvmAddress) -> Result<EvmAddress, ChainError> {
        let contract = self.account().first_contract();
        if !self.has_code(contract).await? {
            let deployment = self.account().sign_deployment(0, self.fees().await?)?;
            self.send_and_wait(&deployment).await?;
        }
        if !self.may_mint(contract, minter).await? {
            let nonce = self.nonce().await?;
            let fees = self.fees().await?;
            let grant = self.account().sign_minter_grant(nonce, contract, minter, fees)?;
            self.send_and_wait(&grant).await?;
        }
        Ok(contract)
    }

    async fn send_and_wait(&self, attempt: &Attempt) -> Result<(), ChainError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.broadcast(&attempt.raw).await;
            match self.receipt(&attempt.tx_hash).await? {
                Some(receipt) if receipt.succeeded => return Ok(()),
                Some(_) => {
                    return Err(ChainError::Nonsense("a set-up transaction reverted".into()));
                }
                None if Instant::now() > deadline => {
                    return Err(ChainError::Unavailable(
                        "a set-up transaction is not mined".into(),
                    ));
                }
                None => sleep(LOOK_EVERY).await,
            }
        }
    }
}
