//! The only file that names ethers: ABI, RLP, hashing, signing. It is pure and synchronous, so
//! another SDK is another file.

use domain::id::WhiskeyId;
use domain::lane::Attempt;
use domain::nft::address::EvmAddress;
use ethers_contract::abigen;
use ethers_core::abi::{AbiDecode, AbiEncode, Tokenize};
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Address, Bytes, Eip1559TransactionRequest, U256};
use ethers_core::utils::{get_contract_address, keccak256};
use ethers_signers::{LocalWallet, Signer};
use secrecy::{ExposeSecret, SecretString};

use super::chain::{ChainError, Fees, Mint};

abigen!(CaskNft, "./contracts/CaskNft.json");

/// Enough for any mint of our contract; what is not used is not paid.
const MINT_GAS_LIMIT: u64 = 200_000;

/// Signs transactions of one account on one network.
pub(super) struct Account {
    wallet: LocalWallet,
    chain_id: u64,
}

fn nonsense(error: impl std::fmt::Display) -> ChainError {
    ChainError::Nonsense(error.to_string())
}

const fn address(of: EvmAddress) -> Address {
    ethers_core::types::H160(of.bytes())
}

impl Account {
    /// Reads a private key: 32 bytes in hex.
    pub fn new(key: &SecretString, chain_id: u64) -> Result<Self, ChainError> {
        let wallet: LocalWallet = key
            .expose_secret()
            .parse()
            .map_err(|_| nonsense("the signer's key is not 32 bytes in hex"))?;
        Ok(Self { wallet: wallet.with_chain_id(chain_id), chain_id })
    }

    pub fn address(&self) -> EvmAddress {
        EvmAddress::from_bytes(self.wallet.address().0)
    }

    /// The address of the contract this account creates with its first transaction.
    pub fn first_contract(&self) -> EvmAddress {
        EvmAddress::from_bytes(get_contract_address(self.wallet.address(), 0).0)
    }

    pub fn sign_mint(&self, nonce: u64, mint: &Mint, fees: Fees) -> Result<Attempt, ChainError> {
        let call = MintCall {
            to: address(mint.recipient),
            token_id: U256::from(mint.token.value().unsigned_abs()),
            metadata_digest: mint.digest,
        };
        self.sign(Some(mint.contract), nonce, call.encode(), MINT_GAS_LIMIT, fees)
    }

    pub fn sign_deployment(&self, nonce: u64, fees: Fees) -> Result<Attempt, ChainError> {
        let arguments = ("CaskChain Casks".to_owned(), "CASK".to_owned(), self.wallet.address());
        let arguments = ethers_core::abi::encode(&arguments.into_tokens());
        let code = [CASKNFT_BYTECODE.as_ref(), &arguments].concat();
        self.sign(None, nonce, code, 4_000_000, fees)
    }

    pub fn sign_minter_grant(
        &self,
        nonce: u64,
        contract: EvmAddress,
        minter: EvmAddress,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let call = GrantRoleCall { role: minter_role(), account: address(minter) };
        self.sign(Some(contract), nonce, call.encode(), 200_000, fees)
    }

    fn sign(
        &self,
        to: Option<EvmAddress>,
        nonce: u64,
        data: Vec<u8>,
        gas_limit: u64,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let mut request = Eip1559TransactionRequest::new()
            .chain_id(self.chain_id)
            .nonce(nonce)
            .gas(gas_limit)
            .max_fee_per_gas(fees.max_fee_per_gas)
            .max_priority_fee_per_gas(fees.max_priority_fee_per_gas)
            .value(0)
            .data(data);
        if let Some(to) = to {
            request = request.to(address(to));
        }
        let transaction = TypedTransaction::Eip1559(request);
        let signature = self.wallet.sign_transaction_sync(&transaction).map_err(nonsense)?;
        let raw: Bytes = transaction.rlp_signed(&signature);
        Ok(Attempt {
            tx_hash: format!("0x{}", hex::encode(keccak256(&raw))),
            raw: raw.to_string(),
            max_fee_per_gas: fees.max_fee_per_gas.to_string(),
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas.to_string(),
            gas_limit,
        })
    }
}

fn minter_role() -> [u8; 32] {
    keccak256(b"MINTER_ROLE")
}

/// Call data that asks whether an account may mint.
pub(super) fn has_minter_role(account: EvmAddress) -> String {
    let call = HasRoleCall { role: minter_role(), account: address(account) };
    Bytes::from(call.encode()).to_string()
}

/// Call data that asks who holds a token.
pub(super) fn owner_of(token: WhiskeyId) -> String {
    let call = OwnerOfCall { token_id: U256::from(token.value().unsigned_abs()) };
    Bytes::from(call.encode()).to_string()
}

pub(super) fn read_bool(answer: &str) -> Result<bool, ChainError> {
    let bytes: Bytes = answer.parse().map_err(nonsense)?;
    bool::decode(bytes).map_err(nonsense)
}

pub(super) fn read_address(answer: &str) -> Result<EvmAddress, ChainError> {
    let bytes: Bytes = answer.parse().map_err(nonsense)?;
    Address::decode(bytes).map(|address| EvmAddress::from_bytes(address.0)).map_err(nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// anvil's first account; its key is public knowledge.
    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn the_same_mint_with_the_same_fees_is_the_same_transaction() {
        let account = Account::new(&KEY.into(), 31_337).unwrap();
        assert_eq!(account.address().to_string(), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
        let mint = Mint {
            contract: account.first_contract(),
            recipient: account.address(),
            token: WhiskeyId::new(7_300_003),
            digest: [0xab; 32],
        };
        let fees = Fees { max_fee_per_gas: 2_000_000_000, max_priority_fee_per_gas: 1_000_000_000 };
        let attempt = account.sign_mint(3, &mint, fees).unwrap();
        assert_eq!(attempt, account.sign_mint(3, &mint, fees).unwrap());
        assert!(attempt.raw.starts_with("0x02") && attempt.raw.contains("1e458bee"));

        let raw: Bytes = attempt.raw.parse().unwrap();
        let rlp = ethers_core::utils::rlp::Rlp::new(&raw);
        let (decoded, signature) = TypedTransaction::decode_signed(&rlp).unwrap();
        assert_eq!(signature.recover(decoded.sighash()).unwrap(), account.wallet.address());
        assert_eq!(decoded.nonce(), Some(&U256::from(3)));
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        let error = Account::new(&"0xsecret".into(), 1).err().unwrap().to_string();
        assert!(!error.contains("secret"));
    }
}
