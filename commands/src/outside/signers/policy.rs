//! What a key may sign, whoever asks: rules about a transaction in our own words. They are pure; who
//! asks them, and logs and counts what they refuse, is the guard.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use domain::nft::address::EvmAddress;
use thiserror::Error;

use crate::outside::chain::Fees;

const MINUTE: Duration = Duration::from_secs(60);

/// What a transaction is for. Whether it also looks like that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Makes a contract.
    Deploy,
    /// Calls a function of the contract.
    Call,
    /// Spends a nonce and does nothing: nothing is sent to the signer itself.
    Cancel,
}

/// A transaction before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    pub kind: Kind,
    pub chain_id: u64,
    pub nonce: u64,
    pub to: Option<EvmAddress>,
    /// In wei.
    pub value: u128,
    pub data: Vec<u8>,
    pub gas_limit: u64,
    pub fees: Fees,
}

impl Unsigned {
    /// Which function is called.
    pub fn selector(&self) -> Option<[u8; 4]> {
        self.data.first_chunk().copied()
    }

    /// The most it can take from the signer.
    pub fn cost(&self) -> Option<u128> {
        self.fees.max_fee_per_gas.checked_mul(self.gas_limit.into())?.checked_add(self.value)
    }
}

/// What one key may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub chain_id: u64,
    /// The only contracts that may be called.
    pub contracts: BTreeSet<EvmAddress>,
    /// The only functions of them that may be called.
    pub selectors: BTreeSet<[u8; 4]>,
    /// In wei per gas.
    pub max_fee_per_gas: u128,
    /// In wei, of one transaction that makes no contract.
    pub max_cost: u128,
    /// In wei, of making a contract; a key that makes none has none.
    pub max_deployment_cost: Option<u128>,
    pub per_minute: u32,
}

/// Why something is not signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("it is for chain {0}")]
    OtherChain(u64),
    #[error("it is for {0}, which is none of the contracts")]
    OtherContract(EvmAddress),
    #[error("it calls a function that is not among those allowed")]
    UnknownFunction,
    #[error("it would send {0} wei")]
    Value(u128),
    #[error("it offers {0} wei per gas")]
    Fee(u128),
    #[error("it could cost more than allowed")]
    Cost,
    #[error("this key deploys nothing")]
    Deployment,
    #[error("it does not look like what it is said to be")]
    Disguised,
    #[error("there were as many as are allowed in a minute; again in {} ms", .0.as_millis())]
    TooMany(Duration),
}

impl Refusal {
    /// For whoever counts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OtherChain(_) => "other_chain",
            Self::OtherContract(_) => "other_contract",
            Self::UnknownFunction => "unknown_function",
            Self::Value(_) => "value",
            Self::Fee(_) => "fee",
            Self::Cost => "cost",
            Self::Deployment => "deployment",
            Self::Disguised => "disguised",
            Self::TooMany(_) => "too_many",
        }
    }
}

impl Policy {
    pub fn judge(&self, signer: EvmAddress, asked: &Unsigned) -> Result<(), Refusal> {
        if asked.chain_id != self.chain_id {
            return Err(Refusal::OtherChain(asked.chain_id));
        }
        if asked.value != 0 {
            return Err(Refusal::Value(asked.value));
        }
        if asked.fees.max_fee_per_gas > self.max_fee_per_gas {
            return Err(Refusal::Fee(asked.fees.max_fee_per_gas));
        }
        let most = match asked.kind {
            Kind::Deploy => self.max_deployment_cost.ok_or(Refusal::Deployment)?,
            Kind::Call | Kind::Cancel => self.max_cost,
        };
        if asked.cost().is_none_or(|cost| cost > most) {
            return Err(Refusal::Cost);
        }
        match asked.kind {
            Kind::Deploy if asked.to.is_none() && !asked.data.is_empty() => Ok(()),
            Kind::Deploy => Err(Refusal::Disguised),
            Kind::Call => self.judge_call(asked),
            Kind::Cancel if asked.to == Some(signer) && asked.data.is_empty() => Ok(()),
            Kind::Cancel => Err(Refusal::Disguised),
        }
    }

    fn judge_call(&self, asked: &Unsigned) -> Result<(), Refusal> {
        let to = asked.to.ok_or(Refusal::Disguised)?;
        if !self.contracts.contains(&to) {
            return Err(Refusal::OtherContract(to));
        }
        let known = asked.selector().is_some_and(|selector| self.selectors.contains(&selector));
        if known { Ok(()) } else { Err(Refusal::UnknownFunction) }
    }
}

/// When was signed within the last minute.
#[derive(Debug, Default)]
pub struct Rate {
    signed: VecDeque<Instant>,
}

impl Rate {
    /// Counts one more, if that is not too many. Refused ones do not count.
    pub fn admit(&mut self, per_minute: u32, now: Instant) -> Result<(), Refusal> {
        while self.signed.front().is_some_and(|then| now.duration_since(*then) >= MINUTE) {
            self.signed.pop_front();
        }
        let allowed = usize::try_from(per_minute).unwrap_or(usize::MAX);
        if self.signed.len() >= allowed {
            let oldest = self.signed.front().copied().unwrap_or(now);
            return Err(Refusal::TooMany(MINUTE - now.duration_since(oldest)));
        }
        self.signed.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outside::chain::FeeStyle;

    pub const SIGNER: EvmAddress = EvmAddress::from_bytes([1; 20]);
    pub const CONTRACT: EvmAddress = EvmAddress::from_bytes([2; 20]);
    const MINT: [u8; 4] = [0x1e, 0x45, 0x8b, 0xee];
    const GWEI: u128 = 1_000_000_000;

    pub fn policy() -> Policy {
        Policy {
            chain_id: 137,
            contracts: BTreeSet::from([CONTRACT]),
            selectors: BTreeSet::from([MINT]),
            max_fee_per_gas: 500 * GWEI,
            max_cost: 200_000 * 400 * GWEI,
            max_deployment_cost: None,
            per_minute: 3,
        }
    }

    pub fn mint() -> Unsigned {
        Unsigned {
            kind: Kind::Call,
            chain_id: 137,
            nonce: 7,
            to: Some(CONTRACT),
            value: 0,
            data: [&MINT[..], &[0; 96]].concat(),
            gas_limit: 200_000,
            fees: fees(60 * GWEI),
        }
    }

    fn fees(max_fee_per_gas: u128) -> Fees {
        Fees { style: FeeStyle::Dynamic, max_fee_per_gas, max_priority_fee_per_gas: 30 * GWEI }
    }

    fn cancel() -> Unsigned {
        let nothing = Vec::new();
        Unsigned {
            kind: Kind::Cancel,
            to: Some(SIGNER),
            data: nothing,
            gas_limit: 21_000,
            ..mint()
        }
    }

    fn deployment() -> Unsigned {
        Unsigned { kind: Kind::Deploy, to: None, data: vec![0x60; 9_000], ..mint() }
    }

    struct Given(Policy);

    fn given(policy: Policy) -> Given {
        Given(policy)
    }

    impl Given {
        fn when(&self, asked: &Unsigned) -> Result<(), Refusal> {
            self.0.judge(SIGNER, asked)
        }
    }

    #[test]
    fn known_functions_of_the_contract_and_cancellations_are_signed() {
        let given = given(policy());
        assert_eq!(given.when(&mint()), Ok(()));
        assert_eq!(given.when(&cancel()), Ok(()));
    }

    #[test]
    fn what_is_elsewhere_or_moves_money_is_not() {
        let other = EvmAddress::from_bytes([3; 20]);
        let given = given(policy());
        for (asked, refusal) in [
            (Unsigned { chain_id: 1, ..mint() }, Refusal::OtherChain(1)),
            (Unsigned { to: Some(other), ..mint() }, Refusal::OtherContract(other)),
            (Unsigned { to: Some(SIGNER), ..mint() }, Refusal::OtherContract(SIGNER)),
            (Unsigned { to: None, ..mint() }, Refusal::Disguised),
            (Unsigned { data: vec![0xde, 0xad, 0xbe, 0xef], ..mint() }, Refusal::UnknownFunction),
            (Unsigned { data: MINT[..3].to_vec(), ..mint() }, Refusal::UnknownFunction),
            (Unsigned { data: Vec::new(), ..mint() }, Refusal::UnknownFunction),
            (Unsigned { value: 1, ..mint() }, Refusal::Value(1)),
            (Unsigned { value: 1, ..cancel() }, Refusal::Value(1)),
            (Unsigned { to: Some(other), ..cancel() }, Refusal::Disguised),
            (Unsigned { to: Some(CONTRACT), ..cancel() }, Refusal::Disguised),
            (Unsigned { to: None, ..cancel() }, Refusal::Disguised),
            (Unsigned { data: MINT.to_vec(), ..cancel() }, Refusal::Disguised),
        ] {
            assert_eq!(given.when(&asked), Err(refusal), "{asked:?}");
        }
    }

    #[test]
    fn what_costs_too_much_is_not_up_to_the_last_wei() {
        let given = given(policy());
        let fee = |max| Unsigned { fees: fees(max), gas_limit: 21_000, ..mint() };
        assert_eq!(given.when(&fee(500 * GWEI)), Ok(()));
        let over = 500 * GWEI + 1;
        assert_eq!(given.when(&fee(over)), Err(Refusal::Fee(over)));
        let gas = |gas_limit| Unsigned { fees: fees(400 * GWEI), gas_limit, ..mint() };
        assert_eq!(given.when(&gas(200_000)), Ok(()));
        assert_eq!(given.when(&gas(200_001)), Err(Refusal::Cost));
        let given = self::given(Policy { max_fee_per_gas: u128::MAX, ..policy() });
        let absurd = Unsigned { fees: fees(u128::MAX), gas_limit: u64::MAX, ..mint() };
        assert_eq!(given.when(&absurd), Err(Refusal::Cost));
    }

    #[test]
    fn only_a_key_that_may_deploys() {
        assert_eq!(given(policy()).when(&deployment()), Err(Refusal::Deployment));
        let most = Some(8_000_000 * 400 * GWEI);
        let given =
            given(Policy { max_deployment_cost: most, contracts: BTreeSet::new(), ..policy() });
        assert_eq!(given.when(&deployment()), Ok(()));
        let dear = Unsigned { gas_limit: 8_000_000, fees: fees(400 * GWEI), ..deployment() };
        assert_eq!(given.when(&dear), Ok(()));
        let dearer = Unsigned { gas_limit: 8_000_001, ..dear };
        assert_eq!(given.when(&dearer), Err(Refusal::Cost));
        for disguised in [
            Unsigned { to: Some(CONTRACT), ..deployment() },
            Unsigned { data: Vec::new(), ..deployment() },
        ] {
            assert_eq!(given.when(&disguised), Err(Refusal::Disguised));
        }
        assert_eq!(given.when(&mint()), Err(Refusal::OtherContract(CONTRACT)));
    }

    #[test]
    fn so_many_in_any_minute_and_no_more() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let mut at = |seconds| rate.admit(3, start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(10), at(20)], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(at(30), Err(Refusal::TooMany(Duration::from_secs(30))));
        assert_eq!(at(59), Err(Refusal::TooMany(Duration::from_secs(1))));
        assert_eq!(at(60), Ok(()));
        assert_eq!(at(61), Err(Refusal::TooMany(Duration::from_secs(9))));
        assert_eq!(Rate::default().admit(0, start), Err(Refusal::TooMany(MINUTE)));
    }

    fn addresses() -> impl Strategy<Value = Option<EvmAddress>> {
        let others = any::<[u8; 20]>().prop_map(|bytes| Some(EvmAddress::from_bytes(bytes)));
        prop_oneof![Just(None), Just(Some(SIGNER)), Just(Some(CONTRACT)), others]
    }

    fn data() -> impl Strategy<Value = Vec<u8>> {
        let call = proptest::collection::vec(any::<u8>(), 0..8)
            .prop_map(|rest| [&MINT[..], &rest].concat());
        prop_oneof![Just(Vec::new()), call, proptest::collection::vec(any::<u8>(), 0..8)]
    }

    prop_compose! {
        fn anything()(
            kind in prop_oneof![Just(Kind::Deploy), Just(Kind::Call), Just(Kind::Cancel)],
            chain_id in prop_oneof![4 => Just(137), 1 => any::<u64>()],
            to in addresses(),
            value in prop_oneof![4 => Just(0), 1 => 1..9_u128, 1 => any::<u128>()],
            data in data(),
            gas_limit in prop_oneof![4 => 21_000..300_000_u64, 1 => any::<u64>()],
            max_fee in prop_oneof![4 => 0..600 * GWEI, 1 => any::<u128>()],
        ) -> Unsigned {
            let fees = fees(max_fee);
            Unsigned { kind, chain_id, to, value, data, gas_limit, fees, ..mint() }
        }
    }

    /// What could happen to the signer's money and to the contract, without looking at the kind.
    fn is_harmless(policy: &Policy, asked: &Unsigned) -> bool {
        let calls = asked.to == Some(CONTRACT) && asked.data.starts_with(&MINT);
        let nothing = asked.to == Some(SIGNER) && asked.data.is_empty();
        let makes = asked.to.is_none() && policy.max_deployment_cost.is_some();
        let offered = asked.fees.max_fee_per_gas;
        let most = u128::from(asked.gas_limit).saturating_mul(offered);
        let allowed = match asked.kind {
            Kind::Deploy => policy.max_deployment_cost.unwrap_or_default(),
            Kind::Call | Kind::Cancel => policy.max_cost,
        };
        let cheap = most <= allowed && offered <= policy.max_fee_per_gas;
        asked.chain_id == 137 && asked.value == 0 && cheap && (calls || nothing || makes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn whatever_is_asked_only_the_harmless_is_signed(
            asked in anything(),
            max_deployment_cost in proptest::option::of(0..10_u128.pow(19)),
        ) {
            let policy = Policy { max_deployment_cost, ..policy() };
            if policy.judge(SIGNER, &asked).is_ok() {
                prop_assert!(is_harmless(&policy, &asked));
            }
        }
    }
}
