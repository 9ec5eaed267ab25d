//! What a raw transaction says: whose it is and what it offers.

use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Bytes, U256};
use ethers_core::utils::keccak256;
use ethers_core::utils::rlp::Rlp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub hash: String,
    /// In lower case.
    pub sender: String,
    pub nonce: u64,
    pub max_fee: u128,
    pub tip: u128,
    /// What it may take from the sender.
    pub cost: u128,
}

impl Transaction {
    /// None of what is no signed transaction.
    pub fn read(raw: &str) -> Option<Self> {
        let bytes: Bytes = raw.parse().ok()?;
        let (decoded, signature) = TypedTransaction::decode_signed(&Rlp::new(&bytes)).ok()?;
        let sender = signature.recover(decoded.sighash()).ok()?;
        let (max_fee, tip) = fees(&decoded)?;
        let gas = number(decoded.gas().copied().unwrap_or_default())?;
        let value = number(decoded.value().copied().unwrap_or_default())?;
        Some(Self {
            hash: format!("0x{}", hex::encode(keccak256(&bytes))),
            sender: format!("{sender:#x}"),
            nonce: u64::try_from(number(*decoded.nonce()?)?).ok()?,
            max_fee,
            tip,
            cost: gas.checked_mul(max_fee)?.checked_add(value)?,
        })
    }

    /// Whether only one of them can ever get into a block.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        (&self.sender, self.nonce) == (&other.sender, other.nonce)
    }
}

fn fees(of: &TypedTransaction) -> Option<(u128, u128)> {
    match of {
        TypedTransaction::Eip1559(fees) => {
            Some((number(fees.max_fee_per_gas?)?, number(fees.max_priority_fee_per_gas?)?))
        }
        priced => number(priced.gas_price()?).map(|price| (price, price)),
    }
}

fn number(of: U256) -> Option<u128> {
    u128::try_from(of).ok()
}
