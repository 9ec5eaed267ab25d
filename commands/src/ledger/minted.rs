//! Whether a chain has what the log says of it: each mint and each movement of a token, and no other.

use std::collections::BTreeMap;

use domain::nft::address::EvmAddress;
use domain::nft::{LogPlace, Nft, NftEvent};
use eventstore::Recorded;
use eventstore::recorded::Undecodable;

use crate::outside::chain::Transfer;

/// A contract on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deployed {
    pub chain_id: u64,
    pub contract: EvmAddress,
}

/// What a log says of the tokens of its contracts.
#[derive(Clone, Debug, Default)]
pub struct Told {
    tokens: BTreeMap<(Deployed, String), Token>,
    /// By token: where its mint is asked for.
    orders: BTreeMap<String, Deployed>,
}

#[derive(Clone, Debug, Default)]
struct Token {
    /// The transaction that minted it, its block, and where the log says so.
    minted: Option<(String, String, i64)>,
    /// Whether a mint is under way.
    open: bool,
    moves: Vec<(Move, i64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Move {
    from: EvmAddress,
    to: EvmAddress,
    at: LogPlace,
}

/// Something the log and the chain disagree about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Where the log says so, if it is the log that says something.
    pub position: Option<i64>,
    pub what: String,
}

impl Told {
    /// Takes in the next event of the log.
    pub fn hear(&mut self, event: &Recorded) -> Result<(), Undecodable> {
        let (id, position) = (event.aggregate_id.clone(), event.position);
        let Some(happened) = event.event::<Nft>()? else {
            return Ok(());
        };
        if let NftEvent::MintRequested { order, .. } = &happened {
            let deployed = Deployed { chain_id: order.chain_id, contract: order.contract };
            self.orders.insert(id.clone(), deployed);
            self.tokens.entry((deployed, id)).or_default().open = true;
            return Ok(());
        }
        let Some(deployed) = self.orders.get(&id) else {
            return Ok(());
        };
        let token = self.tokens.entry((*deployed, id)).or_default();
        match happened {
            NftEvent::MintConfirmed { inclusion, .. } => {
                token.minted = Some((inclusion.tx_hash, inclusion.block_hash, position));
                token.open = false;
            }
            NftEvent::MintFailed { .. } => token.open = false,
            NftEvent::TokenTransferred { from, to, at } => {
                token.moves.push((Move { from, to, at }, position));
            }
            NftEvent::TokenBurned { from, at } => {
                token.moves.push((Move { from, to: EvmAddress::ZERO, at }, position));
            }
            NftEvent::MintRequested { .. }
            | NftEvent::MetadataPinned { .. }
            | NftEvent::MintAssigned { .. }
            | NftEvent::MintSubmitted { .. }
            | NftEvent::MintIncluded { .. }
            | NftEvent::MintReorged { .. }
            | NftEvent::MintSlotLost { .. }
            | NftEvent::MintHeld { .. }
            | NftEvent::MintReleased {}
            | NftEvent::OwnershipVerified { .. } => {}
        }
        Ok(())
    }

    /// The contracts it speaks of.
    pub fn contracts(&self) -> impl Iterator<Item = Deployed> {
        let mut all: Vec<Deployed> = self.orders.values().copied().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// Against all movements in final blocks of one contract. What the chain has done since the log was
    /// exported is no disagreement: a mint that is under way, or a movement newer than every one the
    /// log knows of its token.
    pub fn against(&self, deployed: Deployed, transfers: &[Transfer]) -> Vec<Disagreement> {
        let mut found = Vec::new();
        let mut on_chain: BTreeMap<String, Vec<&Transfer>> = BTreeMap::new();
        for transfer in transfers {
            on_chain.entry(transfer.token.to_string()).or_default().push(transfer);
        }
        for (id, moves) in &on_chain {
            match self.tokens.get(&(deployed, id.clone())) {
                None => found.push(Disagreement {
                    position: None,
                    what: format!("token {id} is on the chain, and the log never asked for it"),
                }),
                Some(token) => token.compare(id, moves, &mut found),
            }
        }
        for ((of, id), token) in &self.tokens {
            if *of == deployed
                && !on_chain.contains_key(id)
                && let Some((_, _, position)) = &token.minted
            {
                let what = format!("token {id} is minted in the log, and not on the chain");
                found.push(Disagreement { position: Some(*position), what });
            }
        }
        found
    }
}

impl Token {
    fn compare(&self, id: &str, on_chain: &[&Transfer], found: &mut Vec<Disagreement>) {
        let (mints, moves): (Vec<&Transfer>, Vec<&Transfer>) =
            on_chain.iter().partition(|transfer| transfer.from == EvmAddress::ZERO);
        let mut disagree = |position, what: String| {
            found.push(Disagreement { position, what: format!("token {id} {what}") });
        };
        if mints.len() > 1 {
            disagree(None, format!("is minted {} times on the chain", mints.len()));
        }
        match (&self.minted, mints.first()) {
            (Some((tx_hash, block_hash, position)), Some(mint)) => {
                if (tx_hash, block_hash) != (&mint.at.tx_hash, &mint.at.block_hash) {
                    let what = format!("is minted by {} on the chain", mint.at.tx_hash);
                    disagree(Some(*position), what);
                }
            }
            (None, Some(mint)) if !self.open => {
                disagree(None, format!("is minted by {}, and not in the log", mint.at.tx_hash));
            }
            (Some((_, _, position)), None) => {
                disagree(Some(*position), "is minted in the log, and not on the chain".to_owned());
            }
            (None, _) => {}
        }
        let is_same = |told: &Move, transfer: &Transfer| {
            (told.from, told.to, &told.at) == (transfer.from, transfer.to, &transfer.at)
        };
        for (told, position) in &self.moves {
            if !moves.iter().any(|transfer| is_same(told, transfer)) {
                let what = format!("moved by {} in the log, and not on the chain", told.at.tx_hash);
                disagree(Some(*position), what);
            }
        }
        let newest = self.moves.iter().map(|(told, _)| told.at.order()).max();
        for transfer in moves.iter().filter(|transfer| Some(transfer.at.order()) <= newest) {
            if !self.moves.iter().any(|(told, _)| is_same(told, transfer)) {
                let what = format!("moved by {}, and not in the log", transfer.at.tx_hash);
                disagree(None, what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::id::WhiskeyId;

    use super::*;

    const CONTRACT: Deployed =
        Deployed { chain_id: 31_337, contract: EvmAddress::from_bytes([7; 20]) };
    const ISLA: EvmAddress = EvmAddress::from_bytes([1; 20]);
    const FINLAY: EvmAddress = EvmAddress::from_bytes([2; 20]);

    fn place(block_number: u64) -> LogPlace {
        LogPlace {
            tx_hash: format!("0x{block_number}"),
            block_number,
            block_hash: format!("0xb{block_number}"),
            log_index: 0,
        }
    }

    fn moved(token: i64, from: EvmAddress, to: EvmAddress, block: u64) -> Transfer {
        Transfer { token: WhiskeyId::new(token), from, to, at: place(block) }
    }

    /// Token 1 was minted in block 3 and moved in block 5, token 2 is on its way, token 3 failed.
    fn told() -> Told {
        let mut told = Told::default();
        let minted = Some(("0x3".to_owned(), "0xb3".to_owned(), 10));
        let at = place(5);
        let moves = vec![(Move { from: ISLA, to: FINLAY, at }, 12)];
        for (id, token) in [
            ("1", Token { minted, open: false, moves }),
            ("2", Token { open: true, ..Token::default() }),
            ("3", Token::default()),
        ] {
            told.tokens.insert((CONTRACT, id.to_owned()), token);
        }
        told
    }

    fn honest() -> Vec<Transfer> {
        vec![moved(1, EvmAddress::ZERO, ISLA, 3), moved(1, ISLA, FINLAY, 5)]
    }

    fn found(change: impl FnOnce(&mut Vec<Transfer>)) -> Vec<(Option<i64>, String)> {
        let mut transfers = honest();
        change(&mut transfers);
        let found = told().against(CONTRACT, &transfers);
        found.into_iter().map(|it| (it.position, it.what)).collect()
    }

    #[test]
    fn a_chain_that_has_what_the_log_says_is_agreed_with() {
        assert_eq!(found(|_| {}), []);
        // What the chain has done since.
        assert_eq!(found(|it| it.push(moved(2, EvmAddress::ZERO, ISLA, 9))), []);
        assert_eq!(found(|it| it.push(moved(1, FINLAY, ISLA, 9))), []);
    }

    #[test]
    fn whatever_one_of_them_has_and_the_other_has_not_is_found() {
        let not_there = found(Vec::clear);
        assert_eq!(not_there[0].0, Some(10));
        assert!(not_there[0].1.contains("in the log, and not on the chain"), "{not_there:?}");
        let unasked = found(|it| it.push(moved(9, EvmAddress::ZERO, ISLA, 4)));
        assert!(unasked[0].1.contains("never asked for it"), "{unasked:?}");
        let failed = found(|it| it.push(moved(3, EvmAddress::ZERO, ISLA, 4)));
        assert!(failed[0].1.contains("not in the log"), "{failed:?}");
        let twice = found(|it| it.push(moved(1, EvmAddress::ZERO, ISLA, 4)));
        assert!(twice[0].1.contains("minted 2 times"), "{twice:?}");
        let elsewhere = found(|it| it[0].at.block_hash = "0xff".to_owned());
        assert!(elsewhere[0].1.contains("is minted by 0x3"), "{elsewhere:?}");
        let unmoved = found(|it| drop(it.pop()));
        assert_eq!(
            unmoved,
            [(Some(12), "token 1 moved by 0x5 in the log, and not on the chain".into())]
        );
        let moved_before = found(|it| it.push(moved(1, ISLA, ISLA, 4)));
        assert!(moved_before[0].1.contains("moved by 0x4, and not in the log"), "{moved_before:?}");
    }
}
