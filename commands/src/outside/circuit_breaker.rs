//! Leaving alone, for a while, what does not answer: whoever asks is told so at once, and a system in
//! trouble is not asked a thousand times more.

use std::time::{Duration, Instant};

/// Failures in a row after which it rests.
const FAILURES: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(15);
const LONGEST_REST: Duration = Duration::from_secs(240);

/// What is known of one system. It is told how every question ended.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    /// How many rests there were since it last answered.
    rests: u32,
    /// Nobody asks before then.
    until: Option<Instant>,
}

impl Breaker {
    /// Whether it may be asked now; if not, for how long not. After a rest one may, and the next one
    /// only when it is known how that went, or after another rest.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                self.until = Some(now + self.rest());
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub fn is_resting(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// How long it rests now, if that was one failure too many.
    pub fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.failures += 1;
        if self.failures < FAILURES {
            return None;
        }
        self.rests += 1;
        let rest = self.rest();
        self.until = Some(now + rest);
        Some(rest)
    }

    /// Twice as long every time.
    fn rest(&self) -> Duration {
        let doublings = self.rests.clamp(1, 5) - 1;
        (FIRST_REST * 2_u32.pow(doublings)).min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tripped(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for failure in 1..=FAILURES {
            assert_eq!(breaker.admit(now), Ok(()));
            let rest = (failure == FAILURES).then_some(FIRST_REST);
            assert_eq!(breaker.failed(now), rest);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_and_it_rests() {
        let now = Instant::now();
        assert_eq!(tripped(now).admit(now), Err(FIRST_REST));

        let mut breaker = Breaker::default();
        for _ in 0..3 * FAILURES {
            breaker.failed(now);
            breaker.answered();
        }
        assert_eq!(breaker.admit(now), Ok(()));
    }

    #[test]
    fn after_a_rest_one_may_try_and_the_others_wait_for_how_it_goes() {
        let now = Instant::now();
        let mut breaker = tripped(now);
        let later = now + FIRST_REST;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(FIRST_REST));
        breaker.answered();
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Ok(()));
    }

    #[test]
    fn rests_grow_to_a_longest_and_are_short_again_after_an_answer() {
        let mut now = Instant::now();
        let mut breaker = tripped(now);
        let mut rests = Vec::new();
        for _ in 0..6 {
            let rest = breaker.admit(now).unwrap_err();
            rests.push(rest.as_secs());
            now += rest;
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.failed(now);
        }
        assert_eq!(rests, [15, 30, 60, 120, 240, 240]);
        breaker.answered();
        breaker.failed(now);
        assert_eq!(breaker.admit(now), Ok(()));
    }

    /// Whoever tried may have died over it.
    #[test]
    fn a_try_nobody_reports_of_does_not_close_it_for_ever() {
        let now = Instant::now();
        let mut breaker = tripped(now);
        assert_eq!(breaker.admit(now + FIRST_REST), Ok(()));
        assert_eq!(breaker.admit(now + 2 * FIRST_REST), Ok(()));
    }
}
