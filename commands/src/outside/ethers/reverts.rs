//! Why a contract refuses, as its source would write it.

use ethers_core::abi::{AbiDecode, Token};
use ethers_core::types::{Bytes, U256};

use super::CASKNFT_ABI;

/// Error(string), what Solidity's `require` gives.
const ERROR_SELECTOR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Panic(uint256), what its compiler gives.
const PANIC_SELECTOR: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// An error of our contract, a text, or the compiler's panic. None: it is none of these.
pub fn read_revert(data: &str) -> Option<String> {
    let data: Bytes = data.parse().ok()?;
    let (selector, arguments) = data.split_first_chunk::<4>()?;
    let ours = CASKNFT_ABI.errors().find(|error| error.signature()[..4] == *selector);
    if let Some(error) = ours {
        let arguments = error.decode(arguments).ok()?;
        let words: Vec<_> = arguments.iter().map(word).collect();
        return Some(format!("{}({})", error.name, words.join(", ")));
    }
    match *selector {
        ERROR_SELECTOR => String::decode(arguments).ok(),
        PANIC_SELECTOR => U256::decode(arguments).ok().map(|code| format!("Panic({code:#x})")),
        _ => None,
    }
}

fn word(argument: &Token) -> String {
    match argument {
        Token::Address(of) => format!("{of:?}"),
        Token::Uint(number) | Token::Int(number) => number.to_string(),
        Token::FixedBytes(bytes) | Token::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use ethers_core::abi::AbiEncode;

    use super::super::{AlreadyMinted, EnforcedPause};
    use super::*;

    fn read(data: Vec<u8>) -> Option<String> {
        read_revert(&Bytes::from(data).to_string())
    }

    #[test]
    fn our_contract_s_errors_are_read_with_what_they_are_about() {
        assert_eq!(read(EnforcedPause {}.encode()).unwrap(), "EnforcedPause()");
        let minted = AlreadyMinted { token_id: 7.into(), digest: [0xab; 32] };
        let expected = format!("AlreadyMinted(7, 0x{})", "ab".repeat(32));
        assert_eq!(read(minted.encode()).unwrap(), expected);
    }

    #[test]
    fn texts_and_panics_are_read_and_nothing_else() {
        let text = [&ERROR_SELECTOR[..], &"no more casks".to_owned().encode()].concat();
        assert_eq!(read(text).unwrap(), "no more casks");
        let panic = [&PANIC_SELECTOR[..], &U256::from(0x11).encode()].concat();
        assert_eq!(read(panic).unwrap(), "Panic(0x11)");
        for other in [vec![], vec![1, 2, 3], vec![1, 2, 3, 4], ERROR_SELECTOR.to_vec()] {
            assert_eq!(read(other), None);
        }
        assert_eq!(read_revert("not hex"), None);
    }
}
