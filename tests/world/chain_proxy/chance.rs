//! Chance that can be had again: from a seed, what it is asked about, and how often it was.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

const SETTING: &str = "CASKCHAIN_CHAOS_SEED";

/// Every question has a row of numbers of its own, so that what is asked at the same time does not
/// change what comes out.
pub struct Chance {
    seed: u64,
    asked: Mutex<HashMap<String, u64>>,
}

/// The seed of this story.
pub fn seed() -> u64 {
    let set = std::env::var(SETTING).ok().map(|text| text.parse().unwrap());
    let seed = set.unwrap_or_else(|| RandomState::new().hash_one(()));
    eprintln!("chance between worker and node: {SETTING}={seed}");
    seed
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self { seed, asked: Mutex::default() }
    }

    /// A number from 0 to below 1.
    pub fn number(&self, about: &str) -> f64 {
        // 53 bits are what an f64 holds.
        let bits = (self.bits(about) >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    /// One of so many; `count` must not be 0.
    pub fn one_of(&self, about: &str, count: usize) -> usize {
        usize::try_from(self.bits(about) % u64::try_from(count).unwrap()).unwrap()
    }

    fn bits(&self, about: &str) -> u64 {
        let mut asked = self.asked.lock().unwrap();
        let times = asked.entry(about.to_owned()).or_default();
        *times += 1;
        let named = about.bytes().fold(self.seed, |bits, byte| mixed(bits ^ u64::from(byte)));
        mixed(named.wrapping_add(times.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// splitmix64.
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
