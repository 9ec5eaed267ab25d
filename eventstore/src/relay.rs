//! The relay: publishes the log to JetStream in position order.
//!
//! Its checkpoint is the stream itself: the last message says which position came through. So an
//! outage of any length loses nothing and repeats nothing, and a stream that lost its tail is
//! refilled. Every message expects the sequence before it, so a second relay that believes itself
//! active is refused by the stream; the advisory lock only saves it the trouble of trying.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::journal::{Journal, JournalError};
use crate::leading::Leading;
use crate::recorded::Recorded;
use crate::stream::{self, PARTITIONS, partition};

/// How many messages are on their way at once.
const WINDOW: i64 = 512;
/// How long to wait before looking whether another process has appended.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Names the advisory lock of the one log.
const LOCK: i64 = 0x6361_736b_7265_6c01;

#[derive(Debug, Error)]
pub enum RelayError {
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("JetStream does not answer: {0}")]
    JetStream(String),
    #[error("another relay publishes to the stream")]
    Fenced,
    #[error(
        "the stream is at position {stream}, the log only at {log}: \
         was the database restored from an older backup?"
    )]
    Ahead { stream: i64, log: i64 },
    #[error(
        "position {position} of the stream is not the log's: \
         was the database restored from an older backup?"
    )]
    Diverged { position: i64 },
}

pub struct Relay {
    pub pool: PgPool,
    pub jetstream: Context,
    pub replicas: usize,
    /// What this process appended last; wakes the relay at once.
    pub head: watch::Receiver<i64>,
    /// How far the relay has come, for whoever wants to know.
    pub published: watch::Sender<i64>,
}

/// Where the relay stands while it holds the lock.
struct Cursor {
    position: i64,
    stream_sequence: u64,
    partitions: Vec<i64>,
}

impl Relay {
    /// Publishes until stopped. Every failure ends a session; the next begins at what the stream
    /// says.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let session = tokio::select! {
                () = stop.cancelled() => return,
                session = self.session(&stop) => session,
            };
            match session {
                Ok(()) => {}
                Err(error @ (RelayError::Ahead { .. } | RelayError::Diverged { .. })) => {
                    tracing::error!(%error, "the relay will not publish");
                }
                Err(error) => tracing::warn!(%error, "the relay pauses"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
    }

    async fn session(&mut self, stop: &CancellationToken) -> Result<(), RelayError> {
        let Some(leading) = Leading::try_begin(&self.pool, LOCK).await? else {
            return Ok(());
        };
        let outcome = self.publish_until(stop).await;
        leading.end().await;
        outcome
    }

    async fn publish_until(&mut self, stop: &CancellationToken) -> Result<(), RelayError> {
        let journal = Journal::new(self.pool.clone());
        let mut cursor = self.resume(&journal).await?;
        self.published.send_replace(cursor.position);
        tracing::info!(position = cursor.position, "the relay publishes");
        while !stop.is_cancelled() {
            let events = journal.after(cursor.position, WINDOW).await?;
            if events.is_empty() {
                self.wait_for_more(cursor.position, stop).await;
                continue;
            }
            self.publish(&mut cursor, &events).await?;
            self.published.send_replace(cursor.position);
            self.note(&cursor).await?;
        }
        Ok(())
    }

    /// Finds where to go on: after the stream's last message.
    async fn resume(&self, journal: &Journal) -> Result<Cursor, RelayError> {
        let stream = stream::ensure(&self.jetstream, self.replicas).await.map_err(unanswered)?;
        let (noted, partitions): (i64, Vec<i64>) =
            sqlx::query_as("select position, partition_positions from eventstore.relay")
                .fetch_one(&self.pool)
                .await?;
        let Tail { position, stream_sequence, payload } = Tail::of(&stream, noted).await?;
        let log = journal.head().await?;
        if position > log {
            return Err(RelayError::Ahead { stream: position, log });
        }
        if let Some(payload) = payload {
            // Envelopes are salted: equal bytes mean the same event.
            let own = journal.after(position - 1, 1).await?;
            if own.first().is_none_or(|event| event.envelope.as_bytes() != payload) {
                return Err(RelayError::Diverged { position });
            }
        }
        // A note from before the tail is brought forward; one from after it is of no use.
        let mut cursor = if noted <= position {
            Cursor { position: noted, stream_sequence, partitions }
        } else {
            Cursor { position: -1, stream_sequence, partitions: vec![-1; PARTITIONS] }
        };
        while cursor.position < position {
            let window = WINDOW.min(position - cursor.position);
            for event in journal.after(cursor.position, window).await? {
                cursor.pass(&event);
            }
        }
        Ok(cursor)
    }

    /// Sends a window and waits for all of it to be acknowledged.
    async fn publish(&self, cursor: &mut Cursor, events: &[Recorded]) -> Result<(), RelayError> {
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let message = PublishMessage::build()
                .headers(stream::headers(event, cursor.previous(event)))
                .message_id(event.position.to_string())
                .expected_stream(stream::NAME)
                .expected_last_sequence(cursor.stream_sequence)
                .payload(event.envelope.clone().into());
            let ack = self.jetstream.send_publish(stream::subject(event), message);
            sent.push(ack.await.map_err(|error| refused(&error))?);
            cursor.pass(event);
            cursor.stream_sequence += 1;
        }
        for ack in sent {
            ack.await.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    /// Waits for this process to append, or for the time to look whether another one has.
    async fn wait_for_more(&mut self, position: i64, stop: &CancellationToken) {
        let appended = self.head.wait_for(|head| *head > position);
        tokio::select! {
            () = stop.cancelled() => {}
            _ = appended => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }

    async fn note(&self, cursor: &Cursor) -> Result<(), RelayError> {
        sqlx::query("update eventstore.relay set position = $1, partition_positions = $2")
            .bind(cursor.position)
            .bind(&cursor.partitions)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl Cursor {
    fn previous(&self, event: &Recorded) -> i64 {
        self.partitions.get(partition(&event.aggregate_id)).copied().unwrap_or(-1)
    }

    fn pass(&mut self, event: &Recorded) {
        self.position = event.position;
        if let Some(last) = self.partitions.get_mut(partition(&event.aggregate_id)) {
            *last = event.position;
        }
    }
}

/// Where the stream ends.
struct Tail {
    position: i64,
    stream_sequence: u64,
    /// The last message's bytes, if it is still there.
    payload: Option<Vec<u8>>,
}

impl Tail {
    async fn of(stream: &Stream, noted: i64) -> Result<Self, RelayError> {
        let stream_sequence = stream.get_info().await.map_err(unanswered)?.state.last_sequence;
        if stream_sequence == 0 {
            return Ok(Self { position: -1, stream_sequence, payload: None });
        }
        match stream.get_raw_message(stream_sequence).await {
            Ok(message) => {
                let position = message.headers.get(stream::POSITION);
                let position = position.and_then(|position| position.as_str().parse().ok());
                let position = position.ok_or_else(|| {
                    RelayError::JetStream("the last message of the stream is not ours".to_owned())
                })?;
                let payload = Some(message.payload.to_vec());
                Ok(Self { position, stream_sequence, payload })
            }
            // All messages have aged out: the note is the best there is.
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
                Ok(Self { position: noted, stream_sequence, payload: None })
            }
            Err(error) => Err(unanswered(error)),
        }
    }
}

fn unanswered(error: impl std::fmt::Display) -> RelayError {
    RelayError::JetStream(error.to_string())
}

fn refused(error: &async_nats::jetstream::context::PublishError) -> RelayError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => RelayError::Fenced,
        _ => unanswered(error),
    }
}
