//! What an event changes in the portfolios of the people it concerns.

use domain::fixed::Fixed;
use domain::id::UserId;
use domain::whiskey::WhiskeyEvent;
use domain::whiskey::details::Money;

/// A cask as it counts in its owner's portfolio, from its registration to its retirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub owner: UserId,
    pub value: Option<Money>,
}

/// What a portfolio gains, or loses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub owner: UserId,
    /// Empty for a cask without a value.
    pub currency: String,
    pub value: Fixed<4>,
    pub casks: i64,
}

impl Held {
    /// The cask after an event; none before it is registered and once it is retired.
    pub fn after(before: Option<Self>, happened: &WhiskeyEvent) -> Option<Self> {
        let valued = |value: &Option<Money>| {
            before.clone().map(|held| Self { value: value.clone(), ..held })
        };
        match happened {
            WhiskeyEvent::WhiskeyRegistered { owner, details, .. } => {
                Some(Self { owner: *owner, value: details.market_value.clone() })
            }
            WhiskeyEvent::WhiskeyCorrected { details, .. } => valued(&details.market_value),
            WhiskeyEvent::WhiskeyRevalued { value } => valued(&Some(value.clone())),
            WhiskeyEvent::TransferAccepted { to, .. } | WhiskeyEvent::TitleSettled { to, .. } => {
                before.map(|held| Self { owner: *to, ..held })
            }
            WhiskeyEvent::WhiskeyRetired { .. } => None,
            WhiskeyEvent::WhiskeyApproved { .. }
            | WhiskeyEvent::WhiskeyRejected { .. }
            | WhiskeyEvent::WhiskeyResubmitted {}
            | WhiskeyEvent::WhiskeyRegauged { .. }
            | WhiskeyEvent::WhiskeyMoved { .. }
            | WhiskeyEvent::ConditionReported { .. }
            | WhiskeyEvent::TransferOffered { .. }
            | WhiskeyEvent::TransferWithdrawn {}
            | WhiskeyEvent::FileAttached { .. }
            | WhiskeyEvent::FileDetached { .. }
            | WhiskeyEvent::TokenisationStarted { .. }
            | WhiskeyEvent::TokenisationCompleted { .. }
            | WhiskeyEvent::TokenisationFailed { .. } => before,
        }
    }

    fn times(&self, sign: i64) -> Change {
        let units = self.value.as_ref().map_or(0, |money| money.amount.units());
        let currency = self.value.as_ref().map_or("", |money| money.currency.as_str());
        Change {
            owner: self.owner,
            currency: currency.to_owned(),
            value: Fixed::from_units(sign * units),
            casks: sign,
        }
    }
}

/// Who holds the cask as it was has it no more, who holds it as it is has it now.
pub(super) fn changes(before: Option<&Held>, after: Option<&Held>) -> Vec<Change> {
    if before == after {
        return Vec::new();
    }
    let lost = before.map(|held| held.times(-1));
    let gained = after.map(|held| held.times(1));
    lost.into_iter().chain(gained).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::whiskey::RetireReason;
    use domain::whiskey::details::{CaskType, Category, Currency, Details};
    use proptest::prelude::*;

    use super::*;

    fn details(value: Option<Money>) -> Box<Details> {
        Box::new(Details {
            name: "Ardcairn 2012".into(),
            brand: None,
            distillery: "Ardcairn".into(),
            region: None,
            category: Category::SingleMalt,
            age: None,
            vintage: None,
            cask_number: "1207".into(),
            cask_type: CaskType::Hogshead,
            fill_date: None,
            alcohol_content: Fixed::from_units(6_350),
            volume: Fixed::from_units(25_000),
            storage_location: None,
            condition: None,
            market_value: value,
            description: None,
        })
    }

    fn litres() -> Fixed<2> {
        Fixed::from_units(15_875)
    }

    fn registered(owner: UserId, value: Option<Money>) -> WhiskeyEvent {
        let details = details(value);
        WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol: litres() }
    }

    fn money() -> impl Strategy<Value = Money> {
        let currency = prop_oneof!["GBP", "JPY"].prop_map(|code| Currency::parse(&code).unwrap());
        (0..=10_000_000_000_000_i64, currency)
            .prop_map(|(units, currency)| Money { amount: Fixed::from_units(units), currency })
    }

    fn owner() -> impl Strategy<Value = UserId> {
        (1..=3_i64).prop_map(UserId::new)
    }

    fn event() -> impl Strategy<Value = WhiskeyEvent> {
        prop_oneof![
            3 => (owner(), prop::option::of(money())).prop_map(|(owner, value)| registered(owner, value)),
            3 => money().prop_map(|value| WhiskeyEvent::WhiskeyRevalued { value }),
            2 => prop::option::of(money()).prop_map(|value| WhiskeyEvent::WhiskeyCorrected {
                details: details(value),
                original_litres_of_alcohol: litres(),
            }),
            3 => (owner(), owner()).prop_map(|(from, to)| WhiskeyEvent::TransferAccepted { from, to }),
            1 => Just(WhiskeyEvent::WhiskeyRetired { reason: RetireReason::Bottled }),
            1 => Just(WhiskeyEvent::TransferWithdrawn {}),
        ]
    }

    type Book = BTreeMap<(UserId, String), (i64, i64)>;

    fn enter(book: &mut Book, change: Change) {
        let entry = book.entry((change.owner, change.currency)).or_default();
        entry.0 += change.value.units();
        entry.1 += change.casks;
    }

    proptest! {
        /// At any time the portfolios of all owners hold what the casks that are there are worth, each
        /// cask once and with its owner.
        #[test]
        fn portfolios_are_worth_what_the_casks_are(
            events in prop::collection::vec((0..4_usize, event()), 0..60)
        ) {
            let mut casks: [Option<Held>; 4] = Default::default();
            let mut ended = [false; 4];
            let mut book = Book::new();
            for (cask, event) in events {
                let begins = matches!(event, WhiskeyEvent::WhiskeyRegistered { .. });
                // A cask is registered once, before anything else, and nothing follows its end.
                if ended[cask] || begins == casks[cask].is_some() {
                    continue;
                }
                let after = Held::after(casks[cask].clone(), &event);
                for change in changes(casks[cask].as_ref(), after.as_ref()) {
                    enter(&mut book, change);
                }
                ended[cask] = after.is_none();
                casks[cask] = after;

                let mut there = Book::new();
                for held in casks.iter().flatten() {
                    let currency = held.value.as_ref().map_or("", |money| money.currency.as_str());
                    let units = held.value.as_ref().map_or(0, |money| money.amount.units());
                    let entry = there.entry((held.owner, currency.to_owned())).or_default();
                    entry.0 += units;
                    entry.1 += 1;
                }
                let held = book.iter().filter(|(_, entry)| **entry != (0, 0));
                let held: Book = held.map(|(key, entry)| (key.clone(), *entry)).collect();
                prop_assert_eq!(held, there);
            }
        }
    }

    #[test]
    fn who_hands_a_cask_on_loses_what_the_other_gains() {
        let pounds = Money {
            amount: Fixed::parse("4200.5").unwrap(),
            currency: Currency::parse("GBP").unwrap(),
        };
        let (seller, buyer) = (UserId::new(1), UserId::new(2));
        let held = Held::after(None, &registered(seller, Some(pounds)));
        let accepted = WhiskeyEvent::TransferAccepted { from: seller, to: buyer };
        let sold = Held::after(held.clone(), &accepted);
        let told: Vec<_> = changes(held.as_ref(), sold.as_ref())
            .into_iter()
            .map(|change| (change.owner, change.value.to_string(), change.casks))
            .collect();
        assert_eq!(told, [(seller, "-4200.5000".into(), -1), (buyer, "4200.5000".into(), 1)]);
        let retired = WhiskeyEvent::WhiskeyRetired { reason: RetireReason::Lost };
        let gone = Held::after(sold.clone(), &retired);
        assert_eq!(gone, None);
        assert_eq!(changes(sold.as_ref(), None)[0].value.to_string(), "-4200.5000");
    }
}
