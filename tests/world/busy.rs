//! A server that is kept busy hashing passwords, by people who sign in again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::{Person, Server};

const PEOPLE: usize = 8;

/// Sign-ins that keep the hashing thread busy for most of the time.
pub struct Busy {
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<usize>>,
}

impl Busy {
    /// Sign-ins at this share of what the server can do.
    pub async fn keep(server: &Server, share: f64) -> Self {
        let people = (0..PEOPLE).map(|_| server.person("Finlay"));
        let people: Vec<Person> = futures::future::join_all(people).await;
        let most = Self::at_most(&people).await;
        let pause = Duration::from_secs_f64(people.len() as f64 / (most * share));
        let over = Arc::new(AtomicBool::new(false));
        let tasks = people.into_iter().map(|person| {
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(pause);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let mut count = 0;
                while !over.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    person.login(&person.password).await.expect(200);
                    count += 1;
                }
                count
            })
        });
        let tasks = tasks.collect();
        Self { over, tasks }
    }

    /// Sign-ins a second, if everybody signs in as soon as they have.
    async fn at_most(people: &[Person]) -> f64 {
        const EACH: usize = 25;
        let began = Instant::now();
        let signing_in = people.iter().map(|person| async move {
            for _ in 0..EACH {
                person.login(&person.password).await.expect(200);
            }
        });
        futures::future::join_all(signing_in).await;
        (people.len() * EACH) as f64 / began.elapsed().as_secs_f64()
    }

    pub async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            assert!(task.await.unwrap() > 0, "nobody kept it busy");
        }
    }
}
