//! Keeping content elsewhere as well: at every place that is configured, each behind the same trait,
//! asked again when it does not answer and left alone when it goes on not answering.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use cid::Cid;
use futures::future::join_all;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::circuit_breaker::Breaker;

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct Content {
    pub cid: Cid,
    /// For people who look at what they keep.
    pub name: String,
    /// All of it.
    pub bytes: Bytes,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum PinError {
    /// It may go well later, without anybody changing what is to be kept.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Refused(String),
}

/// A place that keeps content.
#[async_trait]
pub trait PinTarget: Send + Sync {
    /// For people.
    fn name(&self) -> &'static str;

    /// Asks the place to keep this. Done when the place has said that it will; asking again does no
    /// harm.
    async fn pin(&self, content: &Content) -> Result<(), PinError>;
}

/// How long a place may take, how often it is asked, and the first pause in between.
#[derive(Clone, Copy)]
struct Patience {
    answer: Duration,
    tries: u32,
    pause: Duration,
}

/// In all less than a reaction's message waits before it is given to somebody else.
const PATIENCE: Patience =
    Patience { answer: Duration::from_secs(3), tries: 3, pause: Duration::from_millis(200) };

/// All places content is kept at. There may be none: our own store is not among them.
#[derive(Clone)]
pub struct Pins {
    places: Arc<Vec<Place>>,
}

struct Place {
    target: Box<dyn PinTarget>,
    breaker: Mutex<Breaker>,
    patience: Patience,
}

impl Pins {
    pub fn new(targets: Vec<Box<dyn PinTarget>>) -> Self {
        Self::with(targets, PATIENCE)
    }

    fn with(targets: Vec<Box<dyn PinTarget>>, patience: Patience) -> Self {
        let place = |target| Place { target, breaker: Mutex::default(), patience };
        Self { places: Arc::new(targets.into_iter().map(place).collect()) }
    }

    /// Done when every place has said that it keeps it: one that was left out would never hear of it
    /// again.
    pub async fn pin(&self, content: &Content) -> Result<(), PinError> {
        let answers = join_all(self.places.iter().map(|place| place.pin(content))).await;
        // What somebody has to mend is told before what may pass by itself.
        let (refused, away): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .filter_map(Result::err)
            .partition(|error| matches!(error, PinError::Refused(_)));
        refused.into_iter().chain(away).next().map_or(Ok(()), Err)
    }
}

impl Place {
    async fn pin(&self, content: &Content) -> Result<(), PinError> {
        let (mut tries, mut pause) = (1, self.patience.pause);
        loop {
            self.admit()?;
            match self.ask(content).await {
                Err(PinError::Unavailable(why)) if tries < self.patience.tries => {
                    tracing::debug!(why, tries, "a place is asked again to keep content");
                    sleep(pause).await;
                    tries += 1;
                    pause *= 2;
                }
                settled => return settled,
            }
        }
    }

    fn admit(&self) -> Result<(), PinError> {
        self.breaker().admit(Instant::now()).map_err(|rest| {
            let (name, rest) = (self.target.name(), rest.as_secs());
            PinError::Unavailable(format!("{name} is left alone for {rest} s more"))
        })
    }

    async fn ask(&self, content: &Content) -> Result<(), PinError> {
        let answer = timeout(self.patience.answer, self.target.pin(content)).await;
        let late = |_| Err(PinError::Unavailable("no answer in time".to_owned()));
        let name = self.target.name();
        let named = |error| match error {
            PinError::Unavailable(why) => PinError::Unavailable(format!("{name}: {why}")),
            PinError::Refused(why) => PinError::Refused(format!("{name}: {why}")),
        };
        let answer = answer.unwrap_or_else(late).map_err(named);
        match &answer {
            Err(PinError::Unavailable(why)) => self.failed(why),
            // Whoever refuses is there.
            Ok(()) | Err(PinError::Refused(_)) => self.breaker().answered(),
        }
        answer
    }

    fn failed(&self, why: &str) {
        if let Some(rest) = self.breaker().failed(Instant::now()) {
            let rest_s = rest.as_secs();
            tracing::warn!(why, rest_s, "left alone: content cannot be kept there, and mints wait");
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::unixfs::Block;

    /// Fails as often as it is told, and counts.
    struct Moody {
        asked: Arc<AtomicUsize>,
        failures: usize,
        how: fn() -> PinError,
    }

    #[async_trait]
    impl PinTarget for Moody {
        fn name(&self) -> &'static str {
            "moody"
        }

        async fn pin(&self, _: &Content) -> Result<(), PinError> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            if asked < self.failures { Err((self.how)()) } else { Ok(()) }
        }
    }

    /// Never answers.
    struct Silent;

    #[async_trait]
    impl PinTarget for Silent {
        fn name(&self) -> &'static str {
            "silent"
        }

        async fn pin(&self, _: &Content) -> Result<(), PinError> {
            std::future::pending().await
        }
    }

    fn content() -> Content {
        let block = Block::raw(Bytes::from_static(b"{}"));
        Content { cid: *block.cid(), name: "nft".to_owned(), bytes: block.bytes().clone() }
    }

    fn pins(targets: Vec<Box<dyn PinTarget>>) -> Pins {
        let short = Duration::from_millis(5);
        Pins::with(targets, Patience { answer: short, pause: short, ..PATIENCE })
    }

    fn moody(failures: usize, how: fn() -> PinError) -> (Box<dyn PinTarget>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        (Box::new(Moody { asked: Arc::clone(&asked), failures, how }), asked)
    }

    fn away() -> PinError {
        PinError::Unavailable("away".to_owned())
    }

    fn no() -> PinError {
        PinError::Refused("no".to_owned())
    }

    #[tokio::test]
    async fn what_is_away_for_a_moment_is_asked_again_and_what_refuses_is_not() {
        let (target, asked) = moody(2, away);
        assert_eq!(pins(vec![target]).pin(&content()).await, Ok(()));
        assert_eq!(asked.load(Ordering::SeqCst), 3);

        let (target, asked) = moody(9, no);
        let refused = PinError::Refused("moody: no".to_owned());
        assert_eq!(pins(vec![target]).pin(&content()).await, Err(refused));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_stays_away_is_left_alone() {
        let (target, asked) = moody(usize::MAX, away);
        let pins = pins(vec![target]);
        let gone = Err(PinError::Unavailable("moody: away".to_owned()));
        assert_eq!(pins.pin(&content()).await, gone);
        for _ in 0..10 {
            let answer = pins.pin(&content()).await.unwrap_err().to_string();
            assert!(answer.starts_with("moody is left alone for "), "{answer}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn what_never_answers_is_given_up() {
        let answer = pins(vec![Box::new(Silent)]).pin(&content()).await;
        assert_eq!(answer, Err(PinError::Unavailable("silent: no answer in time".to_owned())));
    }

    #[tokio::test]
    async fn every_place_has_to_keep_it() {
        assert_eq!(pins(vec![]).pin(&content()).await, Ok(()));
        let (there, kept) = moody(0, away);
        let (gone, _) = moody(usize::MAX, away);
        let (picky, _) = moody(9, no);
        let all = pins(vec![gone, there, picky]);
        let answer = all.pin(&content()).await;
        assert_eq!(answer, Err(PinError::Refused("moody: no".to_owned())));
        assert_eq!(kept.load(Ordering::SeqCst), 1);
    }
}
