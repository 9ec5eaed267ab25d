//! Sessions that were ended while tokens of theirs may still be about: in the memory of each process
//! that believes tokens, so that no request has to ask the database.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::id::SessionId;
use domain::moment::Moment;
use eventstore::Clock;
use eventstore::journal::{Journal, JournalError};
use eventstore::listen::Listener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Sessions, and the event that ends one before its time.
const SESSION: &str = "session";
const ENDED: &str = "session.revoked";
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Whoever has not heard from the log for so long does not know any more who is signed out.
const DEAF_AFTER: Duration = Duration::from_secs(2);

/// Clones share what they know.
#[derive(Clone)]
pub struct Revocations {
    known: Arc<RwLock<Known>>,
    journal: Journal,
    clock: Clock,
    /// How long a token may live: an ended session is of no interest after that.
    token_life: Duration,
}

#[derive(Default)]
struct Known {
    /// When each can be forgotten.
    ended: HashMap<SessionId, Moment>,
    heard_at: Option<Instant>,
}

impl Revocations {
    pub fn new(journal: Journal, clock: Clock, token_life: Duration) -> Self {
        Self { known: Arc::default(), journal, clock, token_life }
    }

    /// Whether the session was ended before its time. Asks the log itself if this process does not
    /// follow it at the moment.
    pub async fn contain(&self, session: SessionId) -> Result<bool, JournalError> {
        if self.read().ended.contains_key(&session) {
            return Ok(true);
        }
        if self.is_following() {
            return Ok(false);
        }
        self.journal.has(SESSION, &session.to_string(), ENDED).await
    }

    /// Whether this process knows what was ended a moment ago.
    pub fn is_following(&self) -> bool {
        self.read().heard_at.is_some_and(|at| at.elapsed() < DEAF_AFTER)
    }

    /// Follows the log until stopped.
    pub async fn run(self, jetstream: async_nats::jetstream::Context, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.follow(&jetstream) => outcome,
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "ended sessions are not followed");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn follow(&self, jetstream: &async_nats::jetstream::Context) -> Result<(), JournalError> {
        let head = self.journal.head().await?;
        let oldest = self.clock.now().minus(self.token_life);
        let from = self.journal.position_at(oldest).await?;
        for (id, at) in self.journal.aggregates_with(ENDED, from).await? {
            self.note(&id, at);
        }
        let mut listener = Listener::new(self.journal.clone(), jetstream.clone(), ENDED, head);
        let mut swept_at = Instant::now();
        loop {
            for (id, at) in listener.next().await? {
                self.note(&id, at);
            }
            self.write().heard_at = Some(Instant::now());
            if swept_at.elapsed() > Duration::from_secs(60) {
                let now = self.clock.now();
                self.write().ended.retain(|_, forget_at| now < *forget_at);
                swept_at = Instant::now();
            }
        }
    }

    fn note(&self, id: &str, at: Moment) {
        if let Ok(session) = id.parse() {
            // A minute more, for clocks that differ.
            let forget_at = at.plus(self.token_life).plus(Duration::from_secs(60));
            self.write().ended.insert(session, forget_at);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
