//! Following the log: from the journal until caught up, then live from JetStream. A hole is seen by
//! its position and filled from the journal; while NATS is away the journal is all there is.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use futures::StreamExt;
use tokio::time::timeout;

use crate::journal::{Journal, JournalError};
use crate::recorded::Recorded;
use crate::stream;

/// How long nothing may come over NATS before the journal is asked.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the journal is asked while NATS is away.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(100);
/// How many looks without NATS before it is tried again.
pub(crate) const RECONNECT_AFTER_LOOKS: u32 = 10;

pub struct Follower {
    journal: Journal,
    jetstream: Option<Context>,
    live: Option<Ordered>,
    looks: u32,
    /// The last position handed out.
    position: i64,
    ready: VecDeque<Recorded>,
}

impl Follower {
    /// Follows everything after `position`. Without JetStream, by looking into the journal.
    pub fn new(journal: Journal, jetstream: Option<Context>, position: i64) -> Self {
        let (live, ready) = (None, VecDeque::new());
        Self { journal, jetstream, live, looks: 0, position, ready }
    }

    /// The next events, at most `limit`; none if nothing came for a while. Dropping the future
    /// loses nothing.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        if self.ready.is_empty() {
            self.fill(limit).await?;
        }
        let taken = self.ready.len().min(limit);
        let batch: Vec<_> = self.ready.drain(..taken).collect();
        if let Some(last) = batch.last() {
            self.position = last.position;
        }
        Ok(batch)
    }

    /// Goes back: what was handed out after `position` is handed out again.
    pub fn rewind(&mut self, position: i64) {
        self.position = position;
        self.ready.clear();
        self.live = None;
    }

    async fn fill(&mut self, limit: usize) -> Result<(), JournalError> {
        if self.live.is_none() {
            let caught_up = self.read_journal(limit).await?;
            if caught_up && self.ready.is_empty() {
                self.go_live().await?;
            }
            return Ok(());
        }
        self.receive(limit).await
    }

    /// Reads the journal; says whether that was its end.
    async fn read_journal(&mut self, limit: usize) -> Result<bool, JournalError> {
        let wanted = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
        let events = self.journal.after(self.position, wanted).await?;
        let caught_up = events.len() < limit;
        self.ready.extend(events);
        Ok(caught_up)
    }

    async fn go_live(&mut self) -> Result<(), JournalError> {
        let Some(jetstream) = self.jetstream.clone() else {
            tokio::time::sleep(POLL_EVERY).await;
            return Ok(());
        };
        if !self.looks.is_multiple_of(RECONNECT_AFTER_LOOKS) {
            self.looks += 1;
            tokio::time::sleep(POLL_EVERY).await;
            return Ok(());
        }
        self.looks += 1;
        match subscribe(&jetstream, stream::SUBJECTS).await {
            Ok(live) => {
                self.live = Some(live);
                self.looks = 0;
                // Whatever was appended between the last look and the subscription.
                self.read_journal(1_000).await?;
            }
            Err(error) => tracing::debug!(error, "following the journal: no JetStream"),
        }
        Ok(())
    }

    /// Takes what has come over NATS, in order and without holes.
    async fn receive(&mut self, limit: usize) -> Result<(), JournalError> {
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        let mut patience = LOOK_EVERY;
        let mut last = self.position;
        while self.ready.len() < limit {
            let message = match timeout(patience, live.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(_)) | None) => {
                    self.live = None;
                    break;
                }
                // Nothing came: the journal says whether there is nothing to come.
                Err(_) if self.ready.is_empty() => {
                    self.read_journal(limit).await?;
                    break;
                }
                Err(_) => break,
            };
            match stream::read(message.headers.as_ref(), &message.payload) {
                Ok(event) if event.position <= last => {}
                Ok(event) if event.position == last + 1 => {
                    last = event.position;
                    self.ready.push_back(event);
                }
                // A hole, or a message that is not ours: the journal has what is true.
                Ok(_) | Err(_) => {
                    let taken = i64::try_from(limit - self.ready.len()).unwrap_or(1);
                    let filled = self.journal.after(last, taken).await?;
                    last = filled.last().map_or(last, |event| event.position);
                    self.ready.extend(filled);
                }
            }
            // The first one was waited for; the rest is only taken if it is there.
            patience = Duration::from_millis(1);
        }
        Ok(())
    }
}

/// Subscribes to what is published from now on under this subject.
pub(crate) async fn subscribe(jetstream: &Context, subject: &str) -> Result<Ordered, String> {
    let stream = jetstream.get_stream(stream::NAME).await.map_err(|error| error.to_string())?;
    let consumer = stream
        .create_consumer(OrderedConfig {
            filter_subject: subject.to_owned(),
            deliver_policy: DeliverPolicy::New,
            replay_policy: ReplayPolicy::Instant,
            ..OrderedConfig::default()
        })
        .await
        .map_err(|error| error.to_string())?;
    consumer.messages().await.map_err(|error| error.to_string())
}
