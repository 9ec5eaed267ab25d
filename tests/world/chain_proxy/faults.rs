//! What goes wrong with which request: what the story says of the next ones, then chance.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::chance::Chance;

#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The connection ends, and the node never hears of the request.
    CutBefore,
    /// The node has answered, and the connection ends before the answer.
    CutAfter,
    /// The node answers at once, and whoever asked is told so much later.
    Slow(Duration),
    /// The node hears of it so much later, even if nobody waits for its answer any more.
    Late(Duration),
    /// This status, and the node never hears of the request.
    Http(u16),
    /// This status, when the node has done what it was asked.
    HttpAfter(u16),
    /// A JSON-RPC error, and the node never hears of the request.
    Error(i64, String),
    /// A JSON-RPC error, when the node has done what it was asked.
    ErrorAfter(i64, String),
    /// null, as from a node that has not heard of it yet.
    Null,
    /// What the node answered to the same question some time before.
    Stale,
    /// The receipt of a transaction that succeeded says that it did not.
    Reverted,
    /// A transaction the node does not have is said to be known.
    AlreadyKnown,
}

impl Fault {
    /// Whether it is one of the connection and not of what is said through it.
    fn is_of_connection(&self) -> bool {
        match self {
            Self::CutBefore | Self::CutAfter | Self::Slow(_) | Self::Late(_) => true,
            Self::Http(_) | Self::HttpAfter(_) => true,
            Self::Error(..) | Self::ErrorAfter(..) => false,
            Self::Null | Self::Stale | Self::Reverted | Self::AlreadyKnown => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::CutBefore => "cut before",
            Self::CutAfter => "cut after",
            Self::Slow(_) => "slow",
            Self::Late(_) => "late",
            Self::Http(_) => "http",
            Self::HttpAfter(_) => "http after",
            Self::Error(..) => "error",
            Self::ErrorAfter(..) => "error after",
            Self::Null => "null",
            Self::Stale => "stale",
            Self::Reverted => "reverted",
            Self::AlreadyKnown => "already known",
        }
    }
}

#[derive(Default)]
pub struct Faults {
    script: HashMap<String, VecDeque<Fault>>,
    chances: Vec<(String, Fault, f64)>,
    happened: BTreeMap<(String, &'static str), usize>,
}

impl Faults {
    pub fn script(&mut self, method: &str, count: usize, fault: &Fault) {
        let script = self.script.entry(method.to_owned()).or_default();
        script.extend(std::iter::repeat_n(fault.clone(), count));
    }

    pub fn expect(&mut self, method: &str, fault: &Fault, probability: f64) {
        self.chances.push((method.to_owned(), fault.clone(), probability));
    }

    pub fn clear(&mut self) {
        self.script.clear();
        self.chances.clear();
    }

    pub fn happened(&self) -> &BTreeMap<(String, &'static str), usize> {
        &self.happened
    }

    /// What goes wrong with this call. If its batch has had one of its method before, the connection
    /// has had its chance to break: long batches would else never get through.
    pub fn of(&mut self, method: &str, again: bool, chance: &Chance) -> Option<Fault> {
        let scripted = self.script.get_mut(method).and_then(VecDeque::pop_front);
        let by_chance = || self.by_chance(method, chance);
        let alone = |fault: &Fault| !again || !fault.is_of_connection();
        let fault = scripted.or_else(|| by_chance().filter(alone))?;
        *self.happened.entry((method.to_owned(), fault.name())).or_default() += 1;
        Some(fault)
    }

    fn by_chance(&self, method: &str, chance: &Chance) -> Option<Fault> {
        let mut number = chance.number(method);
        let of_it = self.chances.iter().filter(|(of, _, _)| of == "*" || of == method);
        for (_, fault, probability) in of_it {
            if number < *probability {
                return Some(fault.clone());
            }
            number -= probability;
        }
        None
    }
}
