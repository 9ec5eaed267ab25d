//! Listening for one type of event among all: from JetStream, which sends no others, the moment it
//! is published; and twice a second from the journal, which has what went astray, or came before.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull::Ordered;
use domain::moment::Moment;
use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};

use crate::follow::{POLL_EVERY, RECONNECT_AFTER_LOOKS, subscribe};
use crate::journal::{Journal, JournalError};
use crate::stream;

/// How often the journal is asked, whatever comes over NATS.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub struct Listener {
    journal: Journal,
    jetstream: Context,
    event_type: &'static str,
    live: Option<Ordered>,
    /// How many without NATS.
    looks: u32,
    next_look: Instant,
    /// Up to here the journal has been looked through.
    position: i64,
}

impl Listener {
    /// Listens for events of this type after `position`.
    pub fn new(
        journal: Journal,
        jetstream: Context,
        event_type: &'static str,
        position: i64,
    ) -> Self {
        let (live, looks, next_look) = (None, 0, Instant::now());
        Self { journal, jetstream, event_type, live, looks, next_look, position }
    }

    /// Aggregates with such an event and when it was recorded, some of them more than once. Whoever
    /// goes on asking knows of all that were in the journal at the last look; none means that it
    /// has just been looked into.
    pub async fn next(&mut self) -> Result<Vec<(String, Moment)>, JournalError> {
        if self.live.is_none() {
            self.go_live().await;
        } else if let Some(heard) = self.hear().await {
            return Ok(vec![heard]);
        }
        self.look().await
    }

    /// The next one that comes over NATS until it is time to look.
    async fn hear(&mut self) -> Option<(String, Moment)> {
        let live = self.live.as_mut().filter(|_| Instant::now() < self.next_look)?;
        let message = match timeout_at(self.next_look, live.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(_)) | None) => {
                self.live = None;
                return None;
            }
            Err(_) => return None,
        };
        // One that is not ours: the journal has what is true.
        let event = stream::read(message.headers.as_ref(), &message.payload).ok()?;
        Some((event.aggregate_id, event.recorded_at))
    }

    async fn look(&mut self) -> Result<Vec<(String, Moment)>, JournalError> {
        self.next_look = Instant::now() + LOOK_EVERY;
        let head = self.journal.head().await?;
        let found = self.journal.aggregates_with(self.event_type, self.position + 1).await?;
        self.position = head;
        Ok(found)
    }

    /// Before a look, so that nothing falls in between.
    async fn go_live(&mut self) {
        if self.looks.is_multiple_of(RECONNECT_AFTER_LOOKS) {
            match subscribe(&self.jetstream, &stream::subject_of_type(self.event_type)).await {
                Ok(live) => {
                    (self.live, self.looks) = (Some(live), 0);
                    return;
                }
                Err(error) => tracing::debug!(error, "listening to the journal: no JetStream"),
            }
        }
        self.looks += 1;
        sleep(POLL_EVERY).await;
    }
}
