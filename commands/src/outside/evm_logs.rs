//! Logs of a stretch of blocks, in halves where they are not told at once: nodes refuse what is too much
//! for them, each in words of its own.

use std::time::{Duration, Instant};

use super::chain::ChainError;

/// Of so few blocks a node tells all there is, if it tells anything: it is not asked for less.
const LEAST: u64 = 64;
/// Neither is one that has answered nothing for so long.
const SILENCE: Duration = Duration::from_secs(20);

pub(super) struct Parts<T> {
    /// What is still to be asked for, the first last.
    left: Vec<(u64, u64)>,
    pub logs: Vec<T>,
    answered: Instant,
}

impl<T> Parts<T> {
    /// From one block to another, both among them.
    pub fn of(from: u64, to: u64) -> Self {
        Self { left: vec![(from, to)], logs: Vec::new(), answered: Instant::now() }
    }

    pub fn next(&mut self) -> Option<(u64, u64)> {
        self.left.pop()
    }

    /// What was told of a part.
    pub fn take(
        &mut self,
        (from, to): (u64, u64),
        told: Result<Vec<T>, ChainError>,
    ) -> Result<(), ChainError> {
        match told {
            Ok(logs) => {
                self.logs.extend(logs);
                self.answered = Instant::now();
            }
            Err(error) if to - from < LEAST || self.answered.elapsed() > SILENCE => {
                return Err(error);
            }
            Err(_) => {
                let middle = from.midpoint(to);
                self.left.extend([(middle + 1, to), (from, middle)]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Each block's once, in their order, however little is told at once.
        #[test]
        fn every_block_is_told_once(from in 0..9_000_u64, count in 1..2_000_u64, most in LEAST..600) {
            let mut parts = Parts::of(from, from + count - 1);
            while let Some((from, to)) = parts.next() {
                let too_much = || ChainError::Unavailable("too many results".to_owned());
                let told = if to - from < most { Ok((from..=to).collect()) } else { Err(too_much()) };
                parts.take((from, to), told).unwrap();
            }
            prop_assert_eq!(parts.logs, (from..from + count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn whoever_tells_nothing_is_not_asked_for_ever() {
        let mut parts = Parts::<u64>::of(0, 999);
        let away = || Err(ChainError::Unavailable("away".to_owned()));
        let mut asked = Vec::new();
        let error = loop {
            let part = parts.next().unwrap();
            asked.push(part);
            if let Err(error) = parts.take(part, away()) {
                break error;
            }
        };
        assert!(error.to_string().contains("away"));
        assert_eq!(asked, [(0, 999), (0, 499), (0, 249), (0, 124), (0, 62)]);
        assert!(Parts::<u64>::of(7, 9).take((7, 9), away()).is_err());
    }
}
