//! Many people at once, each asking the next as soon as they have their answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_secs(3);
const SPAN: Duration = Duration::from_secs(15);

/// What a kind of question took.
pub struct Took {
    pub kind: &'static str,
    pub sorted: Vec<Duration>,
}

/// All kinds together are the last.
pub struct Asked {
    pub at_once: usize,
    pub kinds: Vec<Took>,
    pub per_s: f64,
}

impl Asked {
    pub fn p95_ms(&self) -> f64 {
        self.kinds.last().unwrap().ms(95)
    }
}

impl Took {
    pub fn ms(&self, part: usize) -> f64 {
        let at = (self.sorted.len() * part).div_ceil(100).saturating_sub(1);
        self.sorted.get(at).map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3)
    }
}

/// Asks the questions round and round.
pub async fn ask<Q, F>(
    at_once: usize,
    questions: Vec<(&'static str, Q)>,
    ask: impl Fn(Q) -> F + Clone + Send + 'static,
) -> Asked
where
    Q: Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let (questions, next) = (Arc::new(questions), Arc::new(AtomicUsize::new(0)));
    let begins = Instant::now() + WARM_UP;
    let ends = begins + SPAN;
    let people: Vec<_> = (0..at_once)
        .map(|_| {
            let (questions, next, ask) = (Arc::clone(&questions), Arc::clone(&next), ask.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < ends {
                    let at = next.fetch_add(1, Ordering::Relaxed) % questions.len();
                    let (kind, question) = questions[at].clone();
                    let began = Instant::now();
                    ask(question).await;
                    if began >= begins {
                        took.push((kind, began.elapsed()));
                    }
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for person in people {
        all.extend(person.await.unwrap());
    }
    summed_up(at_once, &all)
}

fn summed_up(at_once: usize, all: &[(&'static str, Duration)]) -> Asked {
    let mut names: Vec<_> = all.iter().map(|(kind, _)| *kind).collect();
    names.sort_unstable();
    names.dedup();
    let took = |kind: &'static str, of: &dyn Fn(&str) -> bool| {
        let mut sorted: Vec<_> =
            all.iter().filter(|(kind, _)| of(kind)).map(|(_, took)| *took).collect();
        sorted.sort_unstable();
        Took { kind, sorted }
    };
    let mut kinds: Vec<_> =
        names.into_iter().map(|name| took(name, &|kind| kind == name)).collect();
    kinds.push(took("all", &|_| true));
    let count = f64::from(u32::try_from(all.len()).unwrap());
    Asked { at_once, kinds, per_s: count / SPAN.as_secs_f64() }
}
