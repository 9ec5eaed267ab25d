//! A contract's tokens as final blocks have them, each beside what the log says of it.

use std::collections::BTreeMap;

use domain::nft::address::EvmAddress;
use domain::nft::{AdoptMint, HoldReason, Inclusion, LogPlace, Nft};

use crate::outside::chain::{TokenId, Transfer};

/// A token on a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// Where it was minted; more than one place cannot be.
    pub mints: Vec<LogPlace>,
    /// Who it was minted to.
    pub recipient: EvmAddress,
    /// Nobody: it is burned.
    pub holder: Option<EvmAddress>,
    /// After its mint, oldest first.
    pub moves: Vec<Transfer>,
}

/// What log and chain have to say to each other about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// They say the same.
    Agreed,
    /// A lane, or whoever follows the contract, is about to write it down.
    UnderWay,
    /// The log waits for this very token; an operator may take it.
    Adoptable,
    /// The log waits for a token of this cask, with another document.
    OtherDocument,
    /// Nobody asked for it, as far as this log goes.
    Unknown,
    /// It is on the chain, and in the log it has failed or is not so far yet.
    NotMinted,
    /// The log has it, and the chain has not.
    Missing,
    /// It was minted before the first block that was read: nothing can be said.
    Earlier,
    /// The contract made it more than once.
    MintedTwice,
    /// Another one holds it than the log says.
    OtherHolder,
    /// The log has it on another network, or by another contract.
    Elsewhere,
}

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::UnderWay => "under_way",
            Self::Adoptable => "adoptable",
            Self::OtherDocument => "other_document",
            Self::Unknown => "unknown",
            Self::NotMinted => "not_minted",
            Self::Missing => "missing",
            Self::Earlier => "earlier",
            Self::MintedTwice => "minted_twice",
            Self::OtherHolder => "other_holder",
            Self::Elsewhere => "elsewhere",
        }
    }

    pub const fn is_well(self) -> bool {
        matches!(self, Self::Agreed | Self::UnderWay)
    }
}

/// A token of the log's that nothing was seen of in the blocks that were read. The contract has a digest
/// of every token it ever made.
pub fn unseen(digest: [u8; 32]) -> Verdict {
    if digest == [0; 32] { Verdict::Missing } else { Verdict::Earlier }
}

/// The tokens of a contract, from all of its movements, oldest first.
pub fn tokens(transfers: Vec<Transfer>) -> BTreeMap<TokenId, OnChain> {
    let mut tokens: BTreeMap<TokenId, OnChain> = BTreeMap::new();
    for transfer in transfers {
        let token = tokens.entry(transfer.token.clone()).or_insert_with(|| OnChain {
            mints: Vec::new(),
            recipient: transfer.to,
            holder: None,
            moves: Vec::new(),
        });
        token.holder = (transfer.to != EvmAddress::ZERO).then_some(transfer.to);
        if transfer.from == EvmAddress::ZERO {
            token.mints.push(transfer.at);
        } else {
            token.moves.push(transfer);
        }
    }
    tokens
}

/// What was read of a chain, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub chain_id: u64,
    pub contract: EvmAddress,
    /// The last block that was.
    pub to: u64,
    /// The last block whose movements are in the log, looked up after the token's state.
    pub followed: Option<u64>,
}

impl OnChain {
    /// Beside the log. `digest` is what the contract says that it stands for.
    pub fn beside(&self, nft: &Nft, digest: [u8; 32], read: Read) -> Verdict {
        match self.mints.len() {
            0 => return Verdict::Earlier,
            1 => {}
            _ => return Verdict::MintedTwice,
        }
        let here = (read.chain_id, read.contract);
        if nft.order().is_some_and(|order| (order.chain_id, order.contract) != here) {
            return Verdict::Elsewhere;
        }
        match nft {
            Nft::Unrequested => Verdict::Unknown,
            Nft::Assigned { .. } => Verdict::UnderWay,
            Nft::Pinned { digest: ours, .. } if *ours != hex::encode(digest) => {
                Verdict::OtherDocument
            }
            Nft::Pinned { held: Some(HoldReason::AlreadyOnChain), .. } => Verdict::Adoptable,
            Nft::Pinned { .. } | Nft::Requested { .. } | Nft::Failed { .. } => Verdict::NotMinted,
            Nft::Confirmed { holder, .. } if self.holder == Some(*holder) => Verdict::Agreed,
            Nft::Burned { .. } if self.holder.is_none() => Verdict::Agreed,
            Nft::Confirmed { .. } | Nft::Burned { .. } => {
                let newest = self.moves.last().map(|newest| newest.at.block_number);
                // The log may be behind what was read, or ahead of it.
                let differs = newest > read.followed || read.followed > Some(read.to);
                if differs { Verdict::UnderWay } else { Verdict::OtherHolder }
            }
        }
    }

    /// What takes it into the log.
    pub fn adoption(&self, digest: [u8; 32], finalized_block: u64) -> Option<AdoptMint> {
        let LogPlace { tx_hash, block_number, block_hash, .. } = self.mints.first()?.clone();
        Some(AdoptMint {
            inclusion: Inclusion { tx_hash, block_number, block_hash },
            finalized_block,
            recipient: self.recipient,
            digest: hex::encode(digest),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::id::WhiskeyId;
    use domain::nft::Order;

    use super::*;

    const OURS: [u8; 32] = [0xab; 32];
    const TOKEN: WhiskeyId = WhiskeyId::new(7);
    const ISLA: EvmAddress = EvmAddress::from_bytes([1; 20]);
    const FINLAY: EvmAddress = EvmAddress::from_bytes([2; 20]);

    fn moved(from: EvmAddress, to: EvmAddress, block_number: u64) -> Transfer {
        let tx_hash = format!("0x{block_number}");
        let block_hash = format!("0xb{block_number}");
        let at = LogPlace { tx_hash, block_number, block_hash, log_index: 0 };
        Transfer { token: TokenId::of(TOKEN), from, to, at }
    }

    fn read(followed: Option<u64>) -> Read {
        Read { chain_id: 31_337, contract: FINLAY, to: 9, followed }
    }

    fn on_chain(transfers: Vec<Transfer>) -> OnChain {
        tokens(transfers).remove(&TokenId::of(TOKEN)).unwrap()
    }

    fn order() -> Order {
        let (network, chain_id) = ("development".to_owned(), 31_337);
        Order { network, chain_id, contract: FINLAY, recipient: ISLA }
    }

    fn pinned(held: Option<HoldReason>) -> Nft {
        Nft::Pinned { order: order(), digest: hex::encode(OURS), held, alone: false }
    }

    fn confirmed(holder: EvmAddress) -> Nft {
        Nft::Confirmed { order: order(), holder, followed: None, shown: None }
    }

    #[test]
    fn a_token_is_where_its_last_movement_left_it() {
        let minted = moved(EvmAddress::ZERO, ISLA, 3);
        let token = on_chain(vec![minted.clone(), moved(ISLA, FINLAY, 5)]);
        assert_eq!((token.recipient, token.holder), (ISLA, Some(FINLAY)));
        let burned = on_chain(vec![minted, moved(ISLA, EvmAddress::ZERO, 6)]);
        assert_eq!((burned.holder, burned.moves.len()), (None, 1));
        let adoption = token.adoption(OURS, 9).unwrap();
        assert_eq!((adoption.inclusion.block_number, adoption.recipient), (3, ISLA));
    }

    #[test]
    fn what_the_log_says_of_a_minted_token_is_judged() {
        let token = on_chain(vec![moved(EvmAddress::ZERO, ISLA, 3)]);
        let beside = |nft: &Nft, digest| token.beside(nft, digest, read(Some(9)));
        assert_eq!(beside(&Nft::Unrequested, OURS), Verdict::Unknown);
        assert_eq!(beside(&pinned(None), OURS), Verdict::NotMinted);
        let waits = pinned(Some(HoldReason::AlreadyOnChain));
        assert_eq!(beside(&waits, OURS), Verdict::Adoptable);
        assert_eq!(beside(&waits, [0xac; 32]), Verdict::OtherDocument);
        assert_eq!(beside(&Nft::Failed { order: order() }, OURS), Verdict::NotMinted);
        assert_eq!(beside(&confirmed(ISLA), OURS), Verdict::Agreed);
        assert_eq!(beside(&confirmed(FINLAY), OURS), Verdict::OtherHolder);
        assert_eq!(beside(&Nft::Burned { order: order() }, OURS), Verdict::OtherHolder);
    }

    #[test]
    fn what_happened_beyond_the_block_that_was_followed_is_no_disagreement() {
        let token = on_chain(vec![moved(EvmAddress::ZERO, ISLA, 3), moved(ISLA, FINLAY, 8)]);
        assert_eq!(token.beside(&confirmed(ISLA), OURS, read(Some(7))), Verdict::UnderWay);
        assert_eq!(token.beside(&confirmed(ISLA), OURS, read(None)), Verdict::UnderWay);
        assert_eq!(token.beside(&confirmed(ISLA), OURS, read(Some(8))), Verdict::OtherHolder);
        assert_eq!(token.beside(&confirmed(FINLAY), OURS, read(Some(7))), Verdict::Agreed);
        // What the log followed meanwhile, this reading has not seen.
        assert_eq!(token.beside(&confirmed(ISLA), OURS, read(Some(10))), Verdict::UnderWay);
    }

    #[test]
    fn a_token_that_the_log_has_on_another_chain_or_by_another_contract_is_no_agreement() {
        let token = on_chain(vec![moved(EvmAddress::ZERO, ISLA, 3)]);
        for elsewhere in
            [Read { chain_id: 1, ..read(Some(9)) }, Read { contract: ISLA, ..read(Some(9)) }]
        {
            assert_eq!(token.beside(&confirmed(ISLA), OURS, elsewhere), Verdict::Elsewhere);
        }
    }

    #[test]
    fn a_contract_that_makes_a_token_twice_is_found_out() {
        let mint = |block| moved(EvmAddress::ZERO, ISLA, block);
        let token = on_chain(vec![mint(3), mint(4)]);
        assert_eq!(token.beside(&confirmed(ISLA), OURS, read(None)), Verdict::MintedTwice);
    }

    #[test]
    fn of_what_was_minted_before_the_first_block_nothing_is_said() {
        let token = on_chain(vec![moved(ISLA, FINLAY, 5)]);
        assert_eq!(token.beside(&confirmed(FINLAY), OURS, read(None)), Verdict::Earlier);
        assert_eq!(unseen(OURS), Verdict::Earlier);
        assert_eq!(unseen([0; 32]), Verdict::Missing);
    }
}
