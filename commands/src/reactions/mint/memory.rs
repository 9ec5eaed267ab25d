//! What a lane's loop remembers between looks. All of it may be lost: it only saves asking, writing
//! and sending what was asked, written and sent a moment ago.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use domain::lane::Slot;

#[derive(Default)]
pub(super) struct Memory {
    sent: BTreeMap<u64, Sent>,
    /// What was written down of a slot: its submission, or the block it was seen in.
    noted: HashSet<(u64, String)>,
    /// Since when slots are known to be open.
    seen: BTreeMap<u64, Instant>,
}

struct Sent {
    tx_hash: String,
    /// When these bytes were sent first, and last.
    first: Instant,
    last: Instant,
}

impl Memory {
    /// Forgets slots that are done with.
    pub fn keep(&mut self, open: &[(u64, Slot)]) {
        let lowest = open.first().map_or(u64::MAX, |(nonce, _)| *nonce);
        self.sent = self.sent.split_off(&lowest);
        self.noted.retain(|(nonce, _)| *nonce >= lowest);
        self.seen = self.seen.split_off(&lowest);
        for (nonce, _) in open {
            self.seen.entry(*nonce).or_insert_with(Instant::now);
        }
    }

    /// Whether this is news.
    pub fn is_new(&self, nonce: u64, what: &str) -> bool {
        !self.noted.contains(&(nonce, what.to_owned()))
    }

    pub fn note(&mut self, nonce: u64, what: &str) {
        self.noted.insert((nonce, what.to_owned()));
    }

    /// Whether bytes are to be sent: never yet, or not for so long.
    pub fn is_due(&self, nonce: u64, tx_hash: &str, again_after: Duration, now: Instant) -> bool {
        match self.sent.get(&nonce) {
            Some(sent) if sent.tx_hash == tx_hash => now - sent.last >= again_after,
            _ => true,
        }
    }

    /// How long a slot is known to be open.
    pub fn open_for(&self, nonce: u64, now: Instant) -> Duration {
        self.seen.get(&nonce).map_or(Duration::ZERO, |seen| now.saturating_duration_since(*seen))
    }

    /// How long the newest bytes of a slot are out already.
    pub fn out_for(&self, nonce: u64, tx_hash: &str, now: Instant) -> Duration {
        match self.sent.get(&nonce) {
            Some(sent) if sent.tx_hash == tx_hash => now - sent.first,
            _ => Duration::ZERO,
        }
    }

    pub fn was_sent(&mut self, nonce: u64, tx_hash: &str, now: Instant) {
        match self.sent.get_mut(&nonce) {
            Some(sent) if sent.tx_hash == tx_hash => sent.last = now,
            _ => {
                let sent = Sent { tx_hash: tx_hash.to_owned(), first: now, last: now };
                self.sent.insert(nonce, sent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_sent_again_after_a_while_and_new_ones_at_once() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let later = now + Duration::from_secs(5);
        let again = Duration::from_secs(5);
        assert!(memory.is_due(3, "0xaa", again, now));
        memory.was_sent(3, "0xaa", now);
        assert!(!memory.is_due(3, "0xaa", again, now));
        assert!(memory.is_due(3, "0xaa", again, later));
        assert!(memory.is_due(3, "0xbb", again, now));
        memory.was_sent(3, "0xaa", later);
        assert_eq!(memory.out_for(3, "0xaa", later), again);
        assert_eq!(memory.out_for(3, "0xbb", later), Duration::ZERO);
    }
}
