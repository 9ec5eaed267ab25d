//! What a wallet is asked to sign: a message as EIP-4361 has it. Only messages of ours are read, so
//! they are read by the words we write and by nothing more lenient: what is read, written again, has to
//! be the same text.

use std::fmt;

use domain::id::WhiskeyId;
use domain::moment::Moment;
use domain::nft::address::EvmAddress;

use crate::outside::ethers::checksummed;

const ASKS: &str = " wants you to sign in with your Ethereum account:";
const STATEMENT: &str = "I hold this token. Signing sends nothing and costs nothing.";

/// Who asks: the domain people see, and the address they came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub domain: String,
    pub uri: String,
}

impl Site {
    /// The site behind a public URL, if it is one.
    pub fn of(public_url: &str) -> Option<Self> {
        let (_, rest) = public_url.split_once("://")?;
        let domain = rest.split(['/', '?', '#']).next().filter(|domain| !domain.is_empty())?;
        Some(Self { domain: domain.to_owned(), uri: public_url.to_owned() })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnershipMessage {
    pub site: Site,
    pub wallet: EvmAddress,
    pub chain_id: u64,
    pub nonce: String,
    pub issued_at: Moment,
    pub expires_at: Moment,
    pub contract: EvmAddress,
    pub token: WhiskeyId,
}

impl fmt::Display for OwnershipMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, chain_id, nonce, issued_at, expires_at, contract, token, .. } = self;
        let (domain, uri) = (&site.domain, &site.uri);
        let wallet = checksummed(self.wallet);
        write!(
            f,
            "{domain}{ASKS}\n{wallet}\n\n{STATEMENT}\n\nURI: {uri}\nVersion: 1\nChain ID: {chain_id}\n\
             Nonce: {nonce}\nIssued At: {issued_at}\nExpiration Time: {expires_at}\nResources:\n\
             - urn:cask:{chain_id}:{contract}:{token}"
        )
    }
}

impl OwnershipMessage {
    pub fn read(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.split('\n').collect();
        let &[
            asks,
            wallet,
            "",
            STATEMENT,
            "",
            uri,
            "Version: 1",
            chain,
            nonce,
            issued,
            expires,
            "Resources:",
            resource,
        ] = lines.as_slice()
        else {
            return None;
        };
        let mut resource = resource.strip_prefix("- urn:cask:")?.split(':');
        let (_, contract, token) = (resource.next()?, resource.next()?, resource.next()?);
        let nonce = nonce.strip_prefix("Nonce: ")?;
        // As the grammar has it: at least eight letters and digits.
        if nonce.len() < 8 || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let read = Self {
            site: Site {
                domain: asks.strip_suffix(ASKS)?.to_owned(),
                uri: uri.strip_prefix("URI: ")?.to_owned(),
            },
            wallet: EvmAddress::parse(wallet).ok()?,
            chain_id: chain.strip_prefix("Chain ID: ")?.parse().ok()?,
            nonce: nonce.to_owned(),
            issued_at: Moment::parse(issued.strip_prefix("Issued At: ")?)?,
            expires_at: Moment::parse(expires.strip_prefix("Expiration Time: ")?)?,
            contract: EvmAddress::parse(contract).ok()?,
            token: token.parse().ok()?,
        };
        // A word that could not be written as it was read, or that holds more than letters.
        let plain =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        let is_plain = plain(&read.site.domain) && plain(&read.site.uri);
        (is_plain && read.to_string() == text).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message() -> OwnershipMessage {
        OwnershipMessage {
            site: Site::of("https://casks.example").unwrap(),
            wallet: EvmAddress::parse("0x5fbdb2315678afecb367f032d93f642f64180aa3").unwrap(),
            chain_id: 31_337,
            nonce: "0123456789abcdef0123456789abcdef".to_owned(),
            issued_at: Moment::from_unix_ms(1_795_000_000_000),
            expires_at: Moment::from_unix_ms(1_795_000_300_000),
            contract: EvmAddress::parse("0x70997970c51812dc3a010c7d01b50e0d17dc79c8").unwrap(),
            token: WhiskeyId::new(7_300_003),
        }
    }

    #[test]
    fn the_words_are_those_of_the_standard() {
        let expected = "casks.example wants you to sign in with your Ethereum account:\n\
            0x5FbDB2315678afecb367f032d93F642f64180aa3\n\n\
            I hold this token. Signing sends nothing and costs nothing.\n\n\
            URI: https://casks.example\nVersion: 1\nChain ID: 31337\n\
            Nonce: 0123456789abcdef0123456789abcdef\n\
            Issued At: 2026-11-18T11:06:40.000Z\nExpiration Time: 2026-11-18T11:11:40.000Z\n\
            Resources:\n\
            - urn:cask:31337:0x70997970c51812dc3a010c7d01b50e0d17dc79c8:7300003";
        assert_eq!(message().to_string(), expected);
        assert_eq!(OwnershipMessage::read(expected), Some(message()));
    }

    #[test]
    fn other_spellings_of_the_same_are_not_read() {
        let text = message().to_string();
        let others = [
            text.to_lowercase(),
            text.replace('\n', "\r\n"),
            format!("{text}\n"),
            format!(" {text}"),
            text.replace("Chain ID: 31337", "Chain ID: 031337"),
            text.replace("Chain ID: 31337", "Chain ID: +31337"),
            text.replace("urn:cask:31337", "urn:cask:1"),
            text.replace("7300003", "7300003:1"),
            text.replace(".000Z", "Z"),
            text.replace(".000Z", ".000+00:00"),
            text.replace("Version: 1", "Version: 2"),
            text.replace("Nonce: ", "Nonce: !"),
            text.replace("Resources:", "Request ID: 1\nResources:"),
            text.replace("0x5FbDB", "0x5fbdb"),
        ];
        for other in others {
            assert_ne!(other, text);
            assert_eq!(OwnershipMessage::read(&other), None, "{other}");
        }
    }

    #[test]
    fn a_site_is_where_people_come_to() {
        let domain = |url| Site::of(url).map(|site| site.domain);
        assert_eq!(domain("https://casks.example").as_deref(), Some("casks.example"));
        assert_eq!(domain("http://127.0.0.1:3000/x?y").as_deref(), Some("127.0.0.1:3000"));
        assert_eq!(domain("casks.example"), None);
        assert_eq!(domain("https:///x"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            wallet: [u8; 20], contract: [u8; 20], chain_id: u64, token in 1..i64::MAX,
            nonce in "[a-zA-Z0-9]{8,40}", issued in 0..4_000_000_000_000_i64, life in 0..900_000_i64,
        ) {
            let written = OwnershipMessage {
                wallet: EvmAddress::from_bytes(wallet),
                contract: EvmAddress::from_bytes(contract),
                chain_id,
                nonce,
                issued_at: Moment::from_unix_ms(issued),
                expires_at: Moment::from_unix_ms(issued + life),
                token: WhiskeyId::new(token),
                ..message()
            };
            prop_assert_eq!(OwnershipMessage::read(&written.to_string()), Some(written));
        }

        /// One letter changed, left out or put in gives another message or none.
        #[test]
        fn no_two_texts_are_the_same_message(at in 0..400_usize, letter in any::<char>(), kind in 0..3) {
            let text = message().to_string();
            let mut letters: Vec<char> = text.chars().collect();
            let at = at % letters.len();
            match kind {
                0 => letters[at] = letter,
                1 => letters.insert(at, letter),
                _ => _ = letters.remove(at),
            }
            let altered: String = letters.into_iter().collect();
            prop_assume!(altered != text);
            prop_assert_ne!(OwnershipMessage::read(&altered), Some(message()));
        }

        #[test]
        fn nothing_that_is_sent_makes_it_panic(text in any::<String>()) {
            prop_assert_eq!(OwnershipMessage::read(&text), None);
        }
    }
}
