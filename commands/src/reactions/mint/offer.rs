//! What a transaction offers: what is asked, within the cap; and more for one that is stuck, by as
//! much as nodes want to see before they let it take the place of the one before.

use domain::lane::Attempt;

use crate::outside::chain::Fees;

/// The first offer: never above the cap, even if that means waiting in the pool.
pub(super) fn first(asked: Fees, cap: u128) -> Fees {
    let max_fee_per_gas = asked.max_fee_per_gas.min(cap);
    let max_priority_fee_per_gas = asked.max_priority_fee_per_gas.min(max_fee_per_gas);
    Fees { max_fee_per_gas, max_priority_fee_per_gas, ..asked }
}

/// The next offer after one that is stuck; none if that is beyond the cap.
pub(super) fn next(before: &Attempt, asked: Fees, cap: u128) -> Option<Fees> {
    let max_fee_per_gas = asked.max_fee_per_gas.min(cap).max(raised(offered(before)));
    let tip = before.max_priority_fee_per_gas.parse().unwrap_or(u128::MAX);
    let max_priority_fee_per_gas = asked.max_priority_fee_per_gas.max(raised(tip));
    (max_fee_per_gas <= cap && max_priority_fee_per_gas <= max_fee_per_gas).then_some(Fees {
        max_fee_per_gas,
        max_priority_fee_per_gas,
        ..asked
    })
}

/// What an attempt offers at most, in wei per gas.
pub(super) fn offered(attempt: &Attempt) -> u128 {
    attempt.max_fee_per_gas.parse().unwrap_or(u128::MAX)
}

/// An eighth more, and one for small numbers: nodes want ten per cent, old ones 12.5.
const fn raised(wei: u128) -> u128 {
    wei.saturating_add(wei / 8).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use domain::lane::AttemptKind;
    use proptest::prelude::*;

    use super::*;
    use crate::outside::chain::FeeStyle;

    fn attempt(fees: Fees) -> Attempt {
        Attempt {
            kind: AttemptKind::Mint,
            tx_hash: String::new(),
            raw: String::new(),
            max_fee_per_gas: fees.max_fee_per_gas.to_string(),
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas.to_string(),
            gas_limit: 0,
        }
    }

    fn fees() -> impl Strategy<Value = Fees> {
        (0..10_u128.pow(13), 0..10_u128.pow(12)).prop_map(|(base, tip)| Fees {
            style: FeeStyle::Dynamic,
            max_fee_per_gas: 2 * base + tip,
            max_priority_fee_per_gas: tip,
        })
    }

    proptest! {
        #[test]
        fn offers_stay_below_the_cap_and_replace_what_was_before(
            asked in prop::collection::vec(fees(), 1..20),
            cap in 1..10_u128.pow(13),
        ) {
            let mut offer = first(asked[0], cap);
            prop_assert!(offer.max_fee_per_gas <= cap);
            for asked in asked {
                let Some(more) = next(&attempt(offer), asked, cap) else { break };
                prop_assert!(more.max_fee_per_gas <= cap);
                prop_assert!(more.max_priority_fee_per_gas <= more.max_fee_per_gas);
                prop_assert!(more.max_fee_per_gas * 100 >= offer.max_fee_per_gas * 110);
                prop_assert!(
                    more.max_priority_fee_per_gas * 100 >= offer.max_priority_fee_per_gas * 110
                );
                offer = more;
            }
        }
    }

    #[test]
    fn beyond_the_cap_nothing_is_offered() {
        let asked =
            Fees { style: FeeStyle::Dynamic, max_fee_per_gas: 100, max_priority_fee_per_gas: 10 };
        assert_eq!(first(asked, 80).max_fee_per_gas, 80);
        assert_eq!(next(&attempt(asked), asked, 112), None);
        assert_eq!(next(&attempt(asked), asked, 113).unwrap().max_fee_per_gas, 113);
    }
}
