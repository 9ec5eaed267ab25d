//! Whether a chain has what the log says of it: each mint and each movement of a token, and no other; and
//! of the heads that were anchored, those of this very log.

use std::collections::{BTreeMap, BTreeSet};

use domain::contract::{Contract, ContractEvent};
use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use domain::nft::{LogPlace, Nft, NftEvent};
use eventstore::Recorded;
use eventstore::recorded::Undecodable;

use crate::outside::chain::{Anchored, Transfer};

/// A contract on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deployed {
    pub chain_id: u64,
    pub contract: EvmAddress,
}

impl Deployed {
    /// By the id of the contract's stream.
    fn named(id: &str) -> Option<Self> {
        let (chain_id, contract) = id.split_once('-')?;
        let contract = EvmAddress::parse(contract).ok()?;
        Some(Self { chain_id: chain_id.parse().ok()?, contract })
    }
}

/// What a log says of the tokens of its contracts.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Whether it is the whole log: then a token it does not know was never asked for.
    whole: bool,
    tokens: BTreeMap<(Deployed, String), Token>,
    /// By token: where its mint is asked for.
    orders: BTreeMap<String, Deployed>,
    /// Heads that are anchored for good, by their size, with where the log says so.
    anchors: BTreeMap<(Deployed, u64), (String, i64)>,
    /// Up to this final block every movement is said to be in the log.
    followed: BTreeMap<Deployed, u64>,
    /// Made by the platform, whether it has ever minted there or not.
    deployed: BTreeSet<Deployed>,
    /// The first block in which anything has happened.
    first: BTreeMap<Deployed, u64>,
}

#[derive(Clone, Debug, Default)]
struct Token {
    /// The transaction that minted it, its block, and where the log says so.
    minted: Option<(String, String, i64)>,
    /// Whether a mint is under way.
    open: bool,
    /// Who it is minted to, and the document it stands for.
    recipient: Option<EvmAddress>,
    digest: Option<String>,
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
    /// Nothing yet, of the whole log or of a part of it in which streams are whole.
    pub fn of(whole: bool) -> Self {
        Self { whole, ..Self::default() }
    }

    /// Takes in the next event of the log.
    pub fn hear(&mut self, event: &Recorded) -> Result<(), Undecodable> {
        let (id, position) = (event.aggregate_id.clone(), event.position);
        if let Some(happened) = event.event::<Contract>()? {
            self.hear_of(Deployed::named(&id), happened, position);
            return Ok(());
        }
        let Some(happened) = event.event::<Nft>()? else {
            return Ok(());
        };
        if let NftEvent::MintRequested { order, .. } = &happened {
            let deployed = Deployed { chain_id: order.chain_id, contract: order.contract };
            self.orders.insert(id.clone(), deployed);
            let token = self.tokens.entry((deployed, id)).or_default();
            (token.open, token.recipient) = (true, Some(order.recipient));
            return Ok(());
        }
        let Some(deployed) = self.orders.get(&id).copied() else {
            return Ok(());
        };
        if let NftEvent::MintConfirmed { inclusion, .. } | NftEvent::MintAdopted { inclusion, .. } =
            &happened
        {
            self.happened_in(deployed, inclusion.block_number);
        }
        let token = self.tokens.entry((deployed, id)).or_default();
        if let NftEvent::MintAdopted { recipient, .. } = &happened {
            token.recipient = Some(*recipient);
        }
        match happened {
            NftEvent::MetadataPinned { digest, .. } => token.digest = Some(digest),
            NftEvent::MintConfirmed { inclusion, .. } | NftEvent::MintAdopted { inclusion, .. } => {
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
            | NftEvent::MintAssigned { .. }
            | NftEvent::MintSubmitted { .. }
            | NftEvent::MintIncluded { .. }
            | NftEvent::MintReorged { .. }
            | NftEvent::MintSlotLost { .. }
            | NftEvent::MintHeld { .. }
            | NftEvent::MintReleased {}
            | NftEvent::OwnershipVerified { .. }
            | NftEvent::TitleSettled { .. } => {}
        }
        Ok(())
    }

    fn hear_of(&mut self, deployed: Option<Deployed>, happened: ContractEvent, position: i64) {
        let Some(deployed) = deployed else { return };
        match happened {
            ContractEvent::AnchorConfirmed { anchor, inclusion, .. } => {
                self.happened_in(deployed, inclusion.block_number);
                self.anchors.insert((deployed, anchor.size), (anchor.root, position));
            }
            ContractEvent::ContractFollowed { block, .. } => {
                self.followed.insert(deployed, block);
            }
            ContractEvent::ContractDeployed { inclusion, .. } => {
                self.happened_in(deployed, inclusion.block_number);
                self.deployed.insert(deployed);
            }
            ContractEvent::AnchorAssigned { .. }
            | ContractEvent::AnchorSlotLost { .. }
            | ContractEvent::AnchorFailed { .. } => {}
        }
    }

    fn happened_in(&mut self, deployed: Deployed, block: u64) {
        let first = self.first.entry(deployed).or_insert(block);
        *first = block.min(*first);
    }

    /// The first block in which, by the log, anything has happened at a contract.
    pub fn first_block(&self, deployed: Deployed) -> Option<u64> {
        self.first.get(&deployed).copied()
    }

    /// The contracts it speaks of.
    pub fn contracts(&self) -> impl Iterator<Item = Deployed> {
        let mut all: Vec<Deployed> = self.orders.values().copied().collect();
        all.extend(self.anchors.keys().map(|(deployed, _)| *deployed));
        all.extend(self.followed.keys().chain(&self.deployed).copied());
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// The casks whose tokens are minted by a contract.
    pub fn minted(&self, deployed: Deployed) -> Vec<WhiskeyId> {
        let of_it =
            self.tokens.iter().filter(|((of, _), token)| *of == deployed && token.minted.is_some());
        of_it.filter_map(|((_, id), _)| id.parse().ok()).collect()
    }

    /// Against the documents that its tokens stand for, as the contract has it.
    pub fn against_documents(
        &self,
        deployed: Deployed,
        on_chain: &[(WhiskeyId, [u8; 32])],
    ) -> Vec<Disagreement> {
        let differs = |(cask, digest): &(WhiskeyId, [u8; 32])| {
            let token = self.tokens.get(&(deployed, cask.to_string()))?;
            let (_, _, position) = token.minted.as_ref()?;
            let there = hex::encode(digest);
            token.digest.as_ref().filter(|ours| **ours != there)?;
            let what = format!("token {cask} stands for another document on the chain, {there}");
            Some(Disagreement { position: Some(*position), what })
        };
        // Of one that was never minted, its movements tell.
        on_chain.iter().filter(|(_, digest)| *digest != [0; 32]).filter_map(differs).collect()
    }

    /// Against all heads that one contract has taken in final blocks. `root_of` gives the root of the
    /// first so many events of the log, as far as it goes.
    pub fn against_anchors(
        &self,
        deployed: Deployed,
        on_chain: &[Anchored],
        root_of: impl Fn(u64) -> Option<[u8; 32]>,
    ) -> Vec<Disagreement> {
        let mut found = Vec::new();
        for Anchored { size, root, tx_hash } in on_chain {
            if root_of(*size).is_some_and(|ours| ours != *root) {
                let what = format!("{tx_hash} anchored another log of {size} events than this one");
                found.push(Disagreement { position: None, what });
            }
        }
        let told = self.anchors.iter().filter(|((of, _), _)| *of == deployed);
        for ((_, size), (root, position)) in told {
            let same = |there: &Anchored| there.size == *size && hex::encode(there.root) == *root;
            if !on_chain.iter().any(same) {
                let what =
                    format!("the head of {size} events is anchored in the log, and not there");
                found.push(Disagreement { position: Some(*position), what });
            }
        }
        found
    }

    /// Against all movements in final blocks of one contract. What the chain has done since the log was
    /// exported is no disagreement: a mint that is under way, or a movement newer than every one the
    /// log knows of its token, unless the log says that it has followed the contract so far.
    pub fn against(&self, deployed: Deployed, transfers: &[Transfer]) -> Vec<Disagreement> {
        let mut found = Vec::new();
        let mut on_chain: BTreeMap<String, Vec<&Transfer>> = BTreeMap::new();
        for transfer in transfers {
            on_chain.entry(transfer.token.to_string()).or_default().push(transfer);
        }
        let followed = self.followed.get(&deployed).copied();
        for (id, moves) in &on_chain {
            match self.tokens.get(&(deployed, id.clone())) {
                // Somebody else's, for all this part of the log knows.
                None if !self.whole => {}
                None => found.push(Disagreement {
                    position: None,
                    what: format!("token {id} is on the chain, and the log never asked for it"),
                }),
                Some(token) => token.compare(id, moves, followed, &mut found),
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
    fn compare(
        &self,
        id: &str,
        on_chain: &[&Transfer],
        followed: Option<u64>,
        found: &mut Vec<Disagreement>,
    ) {
        let is_followed = |transfer: &Transfer| Some(transfer.at.block_number) <= followed;
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
                if let Some(ours) = self.recipient.filter(|ours| *ours != mint.to) {
                    let what = format!("is minted to {} on the chain, and not to {ours}", mint.to);
                    disagree(Some(*position), what);
                }
            }
            (None, Some(mint)) if !self.open || is_followed(mint) => {
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
        let is_known =
            |transfer: &&&Transfer| Some(transfer.at.order()) <= newest || is_followed(transfer);
        for transfer in moves.iter().filter(is_known) {
            if !self.moves.iter().any(|(told, _)| is_same(told, transfer)) {
                let what = format!("moved by {}, and not in the log", transfer.at.tx_hash);
                disagree(None, what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::deployment::Plan;
    use domain::id::DeploymentId;
    use domain::nft::Inclusion;

    use super::*;
    use crate::outside::chain::TokenId;

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
        Transfer { token: TokenId::of(WhiskeyId::new(token)), from, to, at: place(block) }
    }

    /// Token 1 was minted in block 3 and moved in block 5, token 2 is on its way, token 3 failed.
    fn told() -> Told {
        let mut told = Told::of(true);
        let minted = Some(("0x3".to_owned(), "0xb3".to_owned(), 10));
        let at = place(5);
        let moves = vec![(Move { from: ISLA, to: FINLAY, at }, 12)];
        for (id, token) in [
            ("1", Token { minted, moves, ..Token::default() }),
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
    fn what_it_stands_for_and_whom_it_was_minted_to_is_what_the_log_says() {
        let mut told = told();
        let token = told.tokens.get_mut(&(CONTRACT, "1".to_owned())).unwrap();
        (token.recipient, token.digest) = (Some(ISLA), Some("ab".repeat(32)));
        assert_eq!(told.against(CONTRACT, &honest()), []);
        let mut stolen = honest();
        stolen[0].to = FINLAY;
        let found = told.against(CONTRACT, &stolen);
        assert!(found[0].position == Some(10) && found[0].what.contains("and not to"), "{found:?}");

        let cask = told.minted(CONTRACT);
        assert_eq!(cask, [WhiskeyId::new(1)]);
        assert_eq!(told.against_documents(CONTRACT, &[(cask[0], [0xab; 32])]), []);
        let found = told.against_documents(CONTRACT, &[(cask[0], [0xac; 32])]);
        assert_eq!(found[0].position, Some(10));
        assert!(found[0].what.contains("stands for another document"), "{found:?}");
    }

    #[test]
    fn the_first_block_is_the_earliest_the_log_knows_of() {
        let mut told = Told::of(true);
        assert_eq!(told.first_block(CONTRACT), None);
        for (block, first) in [(9, 9), (7, 7), (8, 7)] {
            told.happened_in(CONTRACT, block);
            assert_eq!(told.first_block(CONTRACT), Some(first));
        }
    }

    /// Nothing was minted by it yet, as far as the log goes.
    #[test]
    fn a_contract_that_the_log_has_made_is_looked_at() {
        let mut told = Told::of(true);
        let (network, name, symbol) = ("development".to_owned(), "Casks".into(), "CASK".into());
        let plan = Plan { network, chain_id: 31_337, name, symbol, admin: ISLA };
        let LogPlace { tx_hash, block_number, block_hash, .. } = place(2);
        let inclusion = Inclusion { tx_hash, block_number, block_hash };
        let deployment = DeploymentId::new(7);
        let made = ContractEvent::ContractDeployed { deployment, plan, inclusion };
        told.hear_of(Some(CONTRACT), made, 4);
        assert_eq!(told.contracts().collect::<Vec<_>>(), [CONTRACT]);
        let forged = told.against(CONTRACT, &[moved(9, EvmAddress::ZERO, ISLA, 3)]);
        assert_eq!(forged.len(), 1);
    }

    #[test]
    fn up_to_where_the_contract_was_followed_nothing_is_missing() {
        let late = moved(1, FINLAY, ISLA, 9);
        let open = moved(2, EvmAddress::ZERO, ISLA, 9);
        for (followed, count) in [(8, 0), (9, 2)] {
            let mut told = told();
            told.followed.insert(CONTRACT, followed);
            let transfers = [honest(), vec![late.clone(), open.clone()]].concat();
            let found = told.against(CONTRACT, &transfers);
            assert_eq!(found.len(), count, "{found:?}");
            assert!(found.iter().all(|it| it.what.contains("not in the log")), "{found:?}");
        }
    }

    #[test]
    fn a_part_of_the_log_says_nothing_of_tokens_it_does_not_know() {
        let told = Told { whole: false, ..told() };
        let transfers = [honest(), vec![moved(9, EvmAddress::ZERO, ISLA, 4)]].concat();
        assert_eq!(told.against(CONTRACT, &transfers), []);
        let twice = [honest(), vec![moved(1, EvmAddress::ZERO, ISLA, 4)]].concat();
        assert_eq!(told.against(CONTRACT, &twice).len(), 1);
    }

    #[test]
    fn another_log_s_heads_are_found_and_missing_ones() {
        let mut told = told();
        told.anchors.insert((CONTRACT, 5), (hex::encode([5; 32]), 20));
        let head = |size: u64, root: u8| Anchored { size, root: [root; 32], tx_hash: "0xa".into() };
        // Of the first nine events; the log goes no further.
        let root_of = |size: u64| (size <= 9).then_some([u8::try_from(size).unwrap_or(0); 32]);
        let found = |on_chain: &[Anchored]| {
            let found = told.against_anchors(CONTRACT, on_chain, root_of);
            found.into_iter().map(|it| (it.position, it.what)).collect::<Vec<_>>()
        };
        assert_eq!(found(&[head(5, 5), head(7, 7), head(12, 1)]), []);
        let other = found(&[head(5, 5), head(7, 8)]);
        assert!(other.len() == 1 && other[0].1.contains("another log of 7 events"), "{other:?}");
        let missing = found(&[head(7, 7)]);
        assert!(missing.len() == 1 && missing[0].0 == Some(20), "{missing:?}");
        let changed = found(&[head(5, 6)]);
        assert_eq!(changed.len(), 2, "{changed:?}");
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
