//! The closed loop: so many at once, each of whom asks again when they are answered.

use std::time::{Duration, Instant};

use crate::report::percentiles;
use crate::scale::{LOOP, LOOP_WARM_UP};

/// How fast a loop went.
#[derive(Clone, Copy)]
pub struct Pace {
    pub per_s: f64,
    pub p95_ms: f64,
    /// How often it went round, before and after the measured time as well.
    pub rounds: u32,
}

pub async fn closed_loop<F: Future<Output = Result<(), String>>>(
    at_once: usize,
    work: impl Fn() -> F,
) -> Pace {
    let begins = Instant::now() + LOOP_WARM_UP;
    let ends = begins + LOOP;
    let each = (0..at_once).map(|_| async {
        let (mut took, mut rounds): (Vec<Duration>, u32) = (Vec::new(), 0);
        loop {
            let asked = Instant::now();
            work().await.unwrap();
            rounds += 1;
            let answered = Instant::now();
            if answered >= ends {
                return (took, rounds);
            }
            if answered >= begins {
                took.push(answered - asked);
            }
        }
    });
    let (took, rounds): (Vec<_>, Vec<_>) =
        futures::future::join_all(each).await.into_iter().unzip();
    let took = took.concat();
    let done = u32::try_from(took.len()).unwrap();
    let [_, p95_ms, _] = percentiles(took.into_iter());
    Pace { per_s: f64::from(done) / LOOP.as_secs_f64(), p95_ms, rounds: rounds.into_iter().sum() }
}
