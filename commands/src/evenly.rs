//! Answers at even moments. What is done for an address that has an account is not what is done for
//! one that has none: other events, sealed or not, keys made or not. When the answer goes out does
//! not tell which it was.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Longer than any of that work takes, so that one step is the rule.
const STEP: Duration = Duration::from_millis(50);

/// Does the work, and answers a whole number of steps after it was begun.
pub(crate) async fn evenly<T>(work: impl Future<Output = T>) -> T {
    evenly_after(Duration::ZERO, work).await
}

/// The same, where a part of such work was done before and took so long.
pub(crate) async fn evenly_after<T>(before: Duration, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = work.await;
    let mut then = began + STEP.saturating_sub(before);
    while then < Instant::now() {
        then += STEP;
    }
    sleep_until(then).await;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn short_work_and_long_work_take_whole_steps() {
        let after = async |work: Duration| {
            let began = Instant::now();
            evenly(tokio::time::sleep(work)).await;
            began.elapsed()
        };
        assert!(after(Duration::ZERO).await >= STEP);
        let began = Instant::now();
        evenly_after(Duration::from_millis(5), async {}).await;
        assert!(began.elapsed() >= STEP - Duration::from_millis(5));
        assert!(after(STEP + Duration::from_millis(1)).await >= 2 * STEP);
    }
}
