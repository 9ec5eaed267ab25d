//! A signature as the chain takes it, made of what a key gives.

use domain::nft::address::EvmAddress;
use k256::ecdsa::{RecoveryId, Signature as Signed, VerifyingKey};
use sha3::{Digest, Keccak256};

use super::SignerError;

/// ECDSA over secp256k1. `s` is in the lower half of the curve's order: the chain takes no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    pub r: [u8; 32],
    pub s: [u8; 32],
    /// Which of two points `r` stands for; without it the signer could not be told.
    pub odd_y: bool,
}

impl Signature {
    /// Hardware and services give either half, and no parity: it is the one by which the signature
    /// leads back to the address. If neither does, another key signed, or something else.
    pub(super) fn of(
        address: EvmAddress,
        digest: &[u8; 32],
        signed: Signed,
    ) -> Result<Self, SignerError> {
        let signed = signed.normalize_s().unwrap_or(signed);
        let leads_back = |odd_y: &bool| {
            let parity = RecoveryId::new(*odd_y, false);
            let key = VerifyingKey::recover_from_prehash(digest, &signed, parity);
            key.is_ok_and(|key| address_of(&key) == address)
        };
        let odd_y = [false, true].into_iter().find(leads_back).ok_or(SignerError::Foreign)?;
        let (r, s) = signed.split_bytes();
        Ok(Self { r: r.into(), s: s.into(), odd_y })
    }
}

pub(super) fn address_of(key: &VerifyingKey) -> EvmAddress {
    let point = key.to_encoded_point(false);
    // Without the byte that says it is not compressed.
    let hash: [u8; 32] = Keccak256::digest(&point.as_bytes()[1..]).into();
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    EvmAddress::from_bytes(address)
}

#[cfg(test)]
pub(super) mod tests {
    use k256::ecdsa::SigningKey;
    use proptest::prelude::*;

    use super::*;

    /// anvil's first account; its key is public knowledge.
    pub const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    pub const ADDRESS: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

    pub fn signing_key() -> SigningKey {
        SigningKey::from_slice(&hex::decode(KEY).unwrap()).unwrap()
    }

    /// The other signature that is as good, with `s` in the upper half.
    pub fn upper(signed: &Signed) -> Signed {
        Signed::from_scalars(signed.r(), -signed.s()).unwrap()
    }

    /// What everybody else makes of a signature.
    pub fn is_signed_by(signature: &Signature, digest: &[u8; 32], address: EvmAddress) -> bool {
        let signature = ethers_core::types::Signature {
            r: ethers_core::types::U256::from_big_endian(&signature.r),
            s: ethers_core::types::U256::from_big_endian(&signature.s),
            v: 27 + u64::from(signature.odd_y),
        };
        signature.recover(*digest).is_ok_and(|found| found.0 == address.bytes())
    }

    #[test]
    fn an_address_is_the_end_of_the_hash_of_the_point() {
        assert_eq!(address_of(signing_key().verifying_key()).to_string(), ADDRESS);
    }

    proptest! {
        #[test]
        fn either_half_leads_back_to_the_key_that_signed(digest in any::<[u8; 32]>()) {
            let key = signing_key();
            let address = address_of(key.verifying_key());
            let (signed, _) = key.sign_prehash_recoverable(&digest).unwrap();
            let signature = Signature::of(address, &digest, signed).unwrap();
            prop_assert!(is_signed_by(&signature, &digest, address));
            prop_assert_eq!(Signature::of(address, &digest, upper(&signed)), Ok(signature));
            prop_assert!(Signed::from_scalars(signature.r, signature.s).unwrap().normalize_s().is_none());
        }

        #[test]
        fn a_signature_of_something_else_is_none(digest in any::<[u8; 32]>(), bit in 0_usize..256) {
            let key = signing_key();
            let address = address_of(key.verifying_key());
            let (signed, _) = key.sign_prehash_recoverable(&digest).unwrap();
            let mut other = digest;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Signature::of(address, &other, signed), Err(SignerError::Foreign));
            let nobody = EvmAddress::from_bytes([7; 20]);
            prop_assert_eq!(Signature::of(nobody, &digest, signed), Err(SignerError::Foreign));
        }
    }
}
