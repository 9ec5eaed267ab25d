//! The only file that names ethers: ABI, RLP, hashing, signing. It is pure and synchronous, so
//! another SDK is another file.

mod reverts;

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::id::WhiskeyId;
use domain::lane::{Attempt, AttemptKind};
use domain::nft::address::EvmAddress;
use ethers_contract::{EthCall, EthEvent, abigen};
use ethers_core::abi::{AbiDecode, AbiEncode, Tokenize};
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{
    Address, Bytes, Eip1559TransactionRequest, H256, TransactionRequest, U256,
};
use ethers_core::utils::rlp::Rlp;
use ethers_core::utils::{get_contract_address, hash_message, keccak256, to_checksum};
use ethers_signers::{LocalWallet, Signer as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

pub(super) use self::reverts::read_revert;
use super::chain::{self, ChainError, FeeStyle, Fees, Mint, Signer, Spending, TokenId};
use super::signers::Signature;
use super::signers::policy::{Kind, Unsigned};

abigen!(CaskNft, "./contracts/CaskNft.json");

/// EIP-1271, the question's selector and the answer to it.
const SIGNATURE_MAGIC: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];
/// Half the order of secp256k1, rounded down.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Signs transactions of one account on one network, without anybody asking why: for development
/// chains. Lanes have a guard before their keys.
pub struct Account {
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
    pub(super) fn first_contract(&self) -> EvmAddress {
        made_by(self.address(), 0)
    }

    pub(super) fn sign_deployment(&self, nonce: u64, fees: Fees) -> Result<Attempt, ChainError> {
        let data = deployment("CaskChain Casks", "CASK", self.address());
        let unsigned = self.unsigned(nonce, fees, None, data, DEPLOYMENT_GAS_LIMIT);
        self.sign(&unsigned, AttemptKind::Deployment)
    }

    pub(super) fn sign_grant(
        &self,
        nonce: u64,
        contract: EvmAddress,
        role: ContractRole,
        to: EvmAddress,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let call = GrantRoleCall { role: role.hash(), account: address(to) };
        self.sign_call(nonce, contract, call.encode(), fees)
    }

    pub(super) fn sign_requirement(
        &self,
        nonce: u64,
        contract: EvmAddress,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let call = SetApprovalRequiredCall { required: true };
        self.sign_call(nonce, contract, call.encode(), fees)
    }

    fn sign_call(
        &self,
        nonce: u64,
        contract: EvmAddress,
        data: Vec<u8>,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let unsigned = self.unsigned(nonce, fees, Some(contract), data, 200_000);
        self.sign(&unsigned, AttemptKind::Mint)
    }

    fn unsigned(
        &self,
        nonce: u64,
        fees: Fees,
        to: Option<EvmAddress>,
        data: Vec<u8>,
        gas_limit: u64,
    ) -> Unsigned {
        let kind = if to.is_some() { Kind::Call } else { Kind::Deploy };
        let (chain_id, value) = (self.chain_id, 0);
        Unsigned { kind, chain_id, nonce, to, value, data, gas_limit, fees }
    }

    fn sign(&self, unsigned: &Unsigned, kind: AttemptKind) -> Result<Attempt, ChainError> {
        let signature = self.wallet.sign_hash(H256(digest(unsigned))).map_err(nonsense)?;
        let (mut r, mut s) = ([0; 32], [0; 32]);
        signature.r.to_big_endian(&mut r);
        signature.s.to_big_endian(&mut s);
        // 27 and 28 stand for the two parities.
        let odd_y = signature.v == 28;
        Ok(attempt(unsigned, Signature { r, s, odd_y }, kind))
    }
}

#[async_trait]
impl Signer for Account {
    fn address(&self) -> EvmAddress {
        Self::address(self)
    }

    async fn sign(
        &self,
        nonce: u64,
        spending: &Spending,
        fees: Fees,
    ) -> Result<Attempt, ChainError> {
        let (unsigned, kind) = spend(Self::address(self), self.chain_id, nonce, spending, fees);
        Self::sign(self, &unsigned, kind)
    }
}

/// Enough for any mint of our contract; what is not used is not paid.
const MINT_GAS_LIMIT: u64 = 200_000;
/// The same for each of those that are minted together. A hundred of them stay below what a transaction
/// may take at all (EIP-7825).
const GAS_LIMIT_OF_EACH: u64 = 150_000;
/// Enough for a mint with the longest proof there can be.
pub const APPROVED_MINT_GAS_LIMIT: u64 = 500_000;
/// Enough to keep a head with the longest proof there can be.
pub const ANCHOR_GAS_LIMIT: u64 = 500_000;
/// Enough to make the contract.
pub const DEPLOYMENT_GAS_LIMIT: u64 = 8_000_000;
/// What a transaction costs that does nothing.
const CANCEL_GAS_LIMIT: u64 = 21_000;

/// The functions that lanes call to mint.
pub fn called_to_mint() -> BTreeSet<[u8; 4]> {
    BTreeSet::from([MintCall::selector(), MintBatchCall::selector(), MintApprovedCall::selector()])
}

/// The one they call to keep a head of the ledger.
pub fn called_to_anchor() -> BTreeSet<[u8; 4]> {
    BTreeSet::from([AnchorCall::selector()])
}

/// The most gas that so many mints in one transaction may take.
pub fn mints_gas_limit(mints: usize) -> u64 {
    let more = u64::try_from(mints.saturating_sub(1)).unwrap_or(u64::MAX);
    MINT_GAS_LIMIT.saturating_add(more.saturating_mul(GAS_LIMIT_OF_EACH))
}

/// The transaction that spends a nonce.
pub(super) fn spend(
    signer: EvmAddress,
    chain_id: u64,
    nonce: u64,
    spending: &Spending,
    fees: Fees,
) -> (Unsigned, AttemptKind) {
    let (kind, to, data, gas_limit, attempt) = match spending {
        Spending::Deployment { name, symbol, admin } => {
            let data = deployment(name, symbol, *admin);
            (Kind::Deploy, None, data, DEPLOYMENT_GAS_LIMIT, AttemptKind::Deployment)
        }
        Spending::Mints { contract, mints } => {
            let call = match mints.as_slice() {
                [alone] => mint_call(alone),
                together => mint_batch_call(together),
            };
            let gas_limit = mints_gas_limit(mints.len());
            (Kind::Call, Some(*contract), call, gas_limit, AttemptKind::Mint)
        }
        Spending::ApprovedMint { contract, mint, proof } => {
            let call = mint_approved_call(mint, proof);
            let gas_limit = APPROVED_MINT_GAS_LIMIT;
            (Kind::Call, Some(*contract), call, gas_limit, AttemptKind::Mint)
        }
        Spending::Anchor { contract, size, root, proof } => {
            let call = AnchorCall { size: *size, root: *root, proof: proof.clone() }.encode();
            (Kind::Call, Some(*contract), call, ANCHOR_GAS_LIMIT, AttemptKind::Anchor)
        }
        Spending::Cancel => {
            (Kind::Cancel, Some(signer), Vec::new(), CANCEL_GAS_LIMIT, AttemptKind::Cancel)
        }
    };
    let value = 0;
    (Unsigned { kind, chain_id, nonce, to, value, data, gas_limit, fees }, attempt)
}

/// The same as a question (`eth_call`): nothing is offered, so only the contract can say no.
pub(super) fn call_of(from: EvmAddress, chain_id: u64, spending: &Spending) -> Value {
    let fees = Fees { style: FeeStyle::Legacy, max_fee_per_gas: 0, max_priority_fee_per_gas: 0 };
    let (unsigned, _) = spend(from, chain_id, 0, spending, fees);
    let to = unsigned.to.map(|to| to.to_string());
    question(from, to, &Bytes::from(unsigned.data), unsigned.gas_limit)
}

/// The question that signed bytes were.
pub(super) fn call_in(from: EvmAddress, raw: &str) -> Result<Value, ChainError> {
    let raw: Bytes = raw.parse().map_err(nonsense)?;
    let (signed, _) = TypedTransaction::decode_signed(&Rlp::new(&raw)).map_err(nonsense)?;
    let to = signed.to_addr().map(|to| format!("{to:?}"));
    let gas = signed.gas().map_or(0, U256::low_u64);
    Ok(question(from, to, &signed.data().cloned().unwrap_or_default(), gas))
}

fn question(from: EvmAddress, to: Option<String>, data: &Bytes, gas: u64) -> Value {
    json!({ "from": from.to_string(), "to": to, "data": data, "gas": format!("{gas:#x}") })
}

/// What is signed of a transaction.
pub fn digest(unsigned: &Unsigned) -> [u8; 32] {
    transaction(unsigned).sighash().0
}

/// The transaction as it goes over the wire.
pub(super) fn attempt(unsigned: &Unsigned, signature: Signature, kind: AttemptKind) -> Attempt {
    let parity = u64::from(signature.odd_y);
    let v = match unsigned.fees.style {
        FeeStyle::Dynamic => parity,
        // EIP-155.
        FeeStyle::Legacy => unsigned.chain_id * 2 + 35 + parity,
    };
    let (r, s) = (U256::from(signature.r), U256::from(signature.s));
    let signature = ethers_core::types::Signature { r, s, v };
    let raw: Bytes = transaction(unsigned).rlp_signed(&signature);
    Attempt {
        kind,
        tx_hash: format!("0x{}", hex::encode(keccak256(&raw))),
        raw: raw.to_string(),
        max_fee_per_gas: unsigned.fees.max_fee_per_gas.to_string(),
        max_priority_fee_per_gas: unsigned.fees.max_priority_fee_per_gas.to_string(),
        gas_limit: unsigned.gas_limit,
    }
}

/// The code that makes the contract.
fn deployment(name: &str, symbol: &str, admin: EvmAddress) -> Vec<u8> {
    let arguments = (name.to_owned(), symbol.to_owned(), address(admin));
    let arguments = ethers_core::abi::encode(&arguments.into_tokens());
    [CASKNFT_BYTECODE.as_ref(), &arguments].concat()
}

/// Where the contract will be that an account makes with this nonce.
pub fn made_by(signer: EvmAddress, nonce: u64) -> EvmAddress {
    EvmAddress::from_bytes(get_contract_address(address(signer), nonce).0)
}

fn mint_call(mint: &Mint) -> Vec<u8> {
    let call = MintCall {
        to: address(mint.recipient),
        token_id: token_id(mint.token),
        metadata_digest: mint.digest,
    };
    call.encode()
}

fn mint_batch_call(mints: &[Mint]) -> Vec<u8> {
    let cask = |mint: &Mint| CaskMint {
        to: address(mint.recipient),
        token_id: token_id(mint.token),
        metadata_digest: mint.digest,
    };
    MintBatchCall { casks: mints.iter().map(cask).collect() }.encode()
}

fn mint_approved_call(mint: &Mint, approval: &chain::ApprovalProof) -> Vec<u8> {
    let proof = ApprovalProof {
        salt: approval.salt,
        tenant: approval.tenant,
        sequence: approval.sequence,
        rest: approval.rest.clone().into(),
        tenant_position: approval.tenant_position,
        recorded_at: approval.recorded_at,
        position: approval.position,
        tree_size: approval.tree_size,
        path: approval.path.clone(),
    };
    let call = MintApprovedCall {
        to: address(mint.recipient),
        token_id: token_id(mint.token),
        metadata_digest: mint.digest,
        proof,
    };
    call.encode()
}

/// Call data that asks whether a mint needs the proof of an approval.
pub(super) fn approval_required() -> String {
    Bytes::from(ApprovalRequiredCall.encode()).to_string()
}

fn token_id(of: WhiskeyId) -> U256 {
    U256::from(of.value().unsigned_abs())
}

fn transaction(unsigned: &Unsigned) -> TypedTransaction {
    let Unsigned { chain_id, nonce, to, value, data, gas_limit, fees, .. } = unsigned.clone();
    match fees.style {
        FeeStyle::Dynamic => {
            let mut request = Eip1559TransactionRequest::new()
                .chain_id(chain_id)
                .nonce(nonce)
                .gas(gas_limit)
                .max_fee_per_gas(fees.max_fee_per_gas)
                .max_priority_fee_per_gas(fees.max_priority_fee_per_gas)
                .value(value)
                .data(data);
            if let Some(to) = to {
                request = request.to(address(to));
            }
            TypedTransaction::Eip1559(request)
        }
        FeeStyle::Legacy => {
            let mut request = TransactionRequest::new()
                .chain_id(chain_id)
                .nonce(nonce)
                .gas(gas_limit)
                .gas_price(fees.max_fee_per_gas)
                .value(value)
                .data(data);
            if let Some(to) = to {
                request = request.to(address(to));
            }
            TypedTransaction::Legacy(request)
        }
    }
}

/// What the contract lets an account do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContractRole {
    Minter,
    Anchor,
}

impl ContractRole {
    fn hash(self) -> [u8; 32] {
        keccak256(match self {
            Self::Minter => "MINTER_ROLE",
            Self::Anchor => "ANCHOR_ROLE",
        })
    }
}

/// Call data that asks whether an account has a role.
pub(super) fn has_role(role: ContractRole, account: EvmAddress) -> String {
    let call = HasRoleCall { role: role.hash(), account: address(account) };
    Bytes::from(call.encode()).to_string()
}

/// Call data that asks for the last head that is kept.
pub(super) fn anchored_head() -> String {
    Bytes::from(AnchoredHeadCall.encode()).to_string()
}

pub(super) fn read_head(answer: &str) -> Result<(u64, [u8; 32]), ChainError> {
    let bytes: Bytes = answer.parse().map_err(nonsense)?;
    <(u64, [u8; 32])>::decode(bytes).map_err(nonsense)
}

/// Call data that asks who holds a token.
pub(super) fn owner_of(token: WhiskeyId) -> String {
    Bytes::from(OwnerOfCall { token_id: token_id(token) }.encode()).to_string()
}

/// Call data that asks for the digest of a token's metadata.
pub(super) fn digest_of(token: WhiskeyId) -> String {
    Bytes::from(DigestOfCall { token_id: token_id(token) }.encode()).to_string()
}

/// The first topic of the log of every movement.
pub(super) fn transfer_topic() -> String {
    format!("{:?}", TransferFilter::signature())
}

/// The first topic of the log of every head that is kept.
pub(super) fn anchored_topic() -> String {
    format!("{:?}", CheckpointAnchoredFilter::signature())
}

/// Size and root of the head, from such a log.
pub(super) fn read_anchored(topics: &[String], data: &str) -> Result<(u64, [u8; 32]), ChainError> {
    let [_, size] = topics else {
        return Err(nonsense("a head without its topics"));
    };
    let size: U256 = size.parse().map_err(nonsense)?;
    let size = u64::try_from(size).map_err(|_| nonsense("a head of more events than there are"))?;
    Ok((size, read_word(data)?))
}

/// The token that such a log says was left out of a batch; none if it is another log.
pub(super) fn read_skipped(topics: &[String]) -> Option<WhiskeyId> {
    let [topic, token] = topics else { return None };
    let is_skipped = *topic == format!("{:?}", CaskMintSkippedFilter::signature());
    let token = token.parse::<U256>().ok().filter(|_| is_skipped)?;
    i64::try_from(token).ok().map(WhiskeyId::new)
}

/// Who sent which token to whom, from the topics of such a log.
pub(super) fn read_transfer(
    topics: &[String],
) -> Result<(EvmAddress, EvmAddress, TokenId), ChainError> {
    let [_, from, to, token] = topics else {
        return Err(nonsense("a transfer without its topics"));
    };
    let token: U256 = token.parse().map_err(nonsense)?;
    Ok((topic_address(from)?, topic_address(to)?, TokenId::new(token)))
}

fn topic_address(topic: &str) -> Result<EvmAddress, ChainError> {
    let word: H256 = topic.parse().map_err(nonsense)?;
    Ok(EvmAddress::from_bytes(Address::from(word).0))
}

/// Call data that asks a wallet that is a contract whether a signature is its own.
pub(super) fn is_valid_signature(hash: [u8; 32], signature: &[u8]) -> String {
    let arguments = (hash, Bytes::from(signature.to_vec())).into_tokens();
    let data = [&SIGNATURE_MAGIC[..], &ethers_core::abi::encode(&arguments)].concat();
    Bytes::from(data).to_string()
}

/// Whether that is its yes: one word, the magic and nothing else.
pub(super) fn is_signature_magic(answer: &str) -> bool {
    let mut yes = [0; 32];
    yes[..4].copy_from_slice(&SIGNATURE_MAGIC);
    answer.parse::<Bytes>().is_ok_and(|bytes| bytes.as_ref() == yes)
}

/// What a wallet signs for this text (EIP-191).
pub(crate) fn text_hash(text: &str) -> [u8; 32] {
    hash_message(text).0
}

/// The account whose key made this signature, which must be the one of two that has the lower half:
/// its twin is as good to the curve, and would be a second signature nobody made.
pub(crate) fn signer_of(hash: [u8; 32], signature: &[u8]) -> Option<EvmAddress> {
    let signature = ethers_core::types::Signature::try_from(signature).ok()?;
    let is_low = signature.s <= U256::from_big_endian(&HALF_ORDER);
    if !is_low || ![0, 1, 27, 28].contains(&signature.v) {
        return None;
    }
    let signer = signature.recover(H256(hash)).ok()?;
    Some(EvmAddress::from_bytes(signer.0))
}

/// An address in the spelling with a checksum (EIP-55).
pub(crate) fn checksummed(of: EvmAddress) -> String {
    to_checksum(&address(of), None)
}

pub(super) fn read_word(answer: &str) -> Result<[u8; 32], ChainError> {
    let bytes: Bytes = answer.parse().map_err(nonsense)?;
    <[u8; 32]>::decode(bytes).map_err(nonsense)
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
            recipient: account.address(),
            token: WhiskeyId::new(7_300_003),
            digest: [0xab; 32],
        };
        let spending = Spending::Mints { contract: account.first_contract(), mints: vec![mint] };
        let fees = Fees {
            style: FeeStyle::Dynamic,
            max_fee_per_gas: 2_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
        };
        let sign = |fees| {
            let (unsigned, kind) = spend(account.address(), 31_337, 3, &spending, fees);
            account.sign(&unsigned, kind)
        };
        let attempt = sign(fees).unwrap();
        assert_eq!(attempt, sign(fees).unwrap());
        let legacy = sign(Fees { style: FeeStyle::Legacy, ..fees }).unwrap();
        assert!(legacy.raw.starts_with("0xf8") && legacy.tx_hash != attempt.tx_hash);
        assert!(attempt.raw.starts_with("0x02") && attempt.raw.contains("1e458bee"));

        let raw: Bytes = attempt.raw.parse().unwrap();
        let rlp = ethers_core::utils::rlp::Rlp::new(&raw);
        let (decoded, signature) = TypedTransaction::decode_signed(&rlp).unwrap();
        assert_eq!(signature.recover(decoded.sighash()).unwrap(), account.wallet.address());
        assert_eq!(decoded.nonce(), Some(&U256::from(3)));
    }

    #[test]
    fn a_signature_is_its_signer_s_in_one_spelling_only() {
        let wallet: LocalWallet = KEY.parse().unwrap();
        let hash = text_hash("casks.example wants you to sign in");
        let signature = wallet.sign_hash(H256(hash)).unwrap();
        let bytes = signature.to_vec();
        let signer = EvmAddress::from_bytes(wallet.address().0);
        assert_eq!(signer_of(hash, &bytes), Some(signer));
        let order = U256::from_big_endian(&HALF_ORDER) * 2 + 1;
        let twin = ethers_core::types::Signature {
            s: order - signature.s,
            v: 55 - signature.v,
            ..signature
        };
        // To the curve it is as good.
        assert_eq!(twin.recover(H256(hash)).unwrap(), wallet.address());
        assert_eq!(signer_of(hash, &twin.to_vec()), None);
        let small = [&bytes[..64], &[bytes[64] - 27]].concat();
        assert_eq!(signer_of(hash, &small), Some(signer));
        for v in [2, 26, 29, 35, 36, 255] {
            assert_eq!(signer_of(hash, &[&bytes[..64], &[v]].concat()), None, "{v}");
        }
        for length in [0, 1, 64] {
            assert_eq!(signer_of(hash, &bytes[..length]), None);
        }
        assert_eq!(signer_of(hash, &[0; 65]), None);
        assert_eq!(signer_of(hash, &[0xff; 65]), None);
        assert_ne!(signer_of(text_hash("something else"), &bytes), Some(signer));
    }

    #[test]
    fn a_wallet_s_yes_is_one_word() {
        let yes = format!("0x1626ba7e{}", "00".repeat(28));
        assert!(is_signature_magic(&yes));
        // What address 4 makes of the question is the question.
        let echo = is_valid_signature([7; 32], &[1, 2, 3]);
        for no in ["0x", "0x1626ba7e", "", &yes.replace("1626", "1627"), &format!("{yes}00"), &echo]
        {
            assert!(!is_signature_magic(no), "{no}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        let error = Account::new(&"0xsecret".into(), 1).err().unwrap().to_string();
        assert!(!error.contains("secret"));
    }
}
