//! After a restore: which events the stream was given that the log no longer has, and the stream made
//! anew. The stream's messages are the log's own bytes, so that nothing here rests on what is said.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use futures::StreamExt;
use thiserror::Error;
use tokio::time::{Duration, timeout};

use crate::journal::{Journal, JournalError};
use crate::recorded::Recorded;
use crate::stream::{self, ForeignMessage};

/// How long a message may take that is known to be there.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Error)]
pub enum LostError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("JetStream does not answer: {0}")]
    JetStream(String),
    #[error("a message of the stream cannot be read: {0}")]
    Foreign(#[from] ForeignMessage),
}

/// Positions of events that only the stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The first position at which the log has another event than the stream, or none.
    pub from: i64,
    /// The last position that was published.
    pub published: i64,
}

/// The stream as it was before the restore.
pub struct Remains {
    jetstream: Context,
    stream: Stream,
    journal: Journal,
}

impl Remains {
    /// None if the stream is gone as well.
    pub async fn find(jetstream: Context, journal: Journal) -> Result<Option<Self>, LostError> {
        match jetstream.get_stream(stream::NAME).await {
            Ok(stream) => Ok(Some(Self { jetstream, stream, journal })),
            Err(error) if is_gone(&error.kind()) => Ok(None),
            Err(error) => Err(unanswered(error)),
        }
    }

    /// None if the log has everything the stream was given.
    pub async fn lost(&self) -> Result<Option<Lost>, LostError> {
        let state = self.stream.get_info().await.map_err(unanswered)?.state;
        let published = stream::position(state.last_sequence);
        // What has aged out of the stream cannot be compared.
        let mut high = published.min(self.journal.head().await?) + 1;
        let mut low = stream::position(state.first_sequence).clamp(0, high);
        // Every envelope has a salt of its own: from where two histories part, no two are the same.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.is_same(middle).await? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let lost = Lost { from: low, published };
        Ok((lost.from <= lost.published).then_some(lost))
    }

    async fn is_same(&self, position: i64) -> Result<bool, LostError> {
        let message = match self.stream.get_raw_message(stream::sequence(position)).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(true),
            Err(error) => return Err(unanswered(error)),
        };
        let own = self.journal.after(position - 1, 1).await?;
        Ok(own.first().is_some_and(|event| event.envelope.as_bytes() == &*message.payload))
    }

    /// Hands over the lost events in their order. The log's keys may still open what is sealed in them.
    pub async fn each<E: From<LostError>>(
        &self,
        lost: Lost,
        mut hand: impl FnMut(Recorded) -> Result<(), E>,
    ) -> Result<(), E> {
        let consumer = self.stream.create_consumer(OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: stream::sequence(lost.from),
            },
            ..OrderedConfig::default()
        });
        let consumer = consumer.await.map_err(unanswered)?;
        let mut messages = consumer.messages().await.map_err(unanswered)?;
        let mut position = lost.from - 1;
        while position < lost.published {
            let message = timeout(PATIENCE, messages.next()).await.map_err(unanswered)?;
            let message = message.ok_or_else(|| unanswered("the stream ended"))?;
            let message = message.map_err(unanswered)?;
            let event = stream::read(message.headers.as_ref(), &message.payload);
            let event = event.map_err(LostError::from)?;
            position = event.position;
            hand(event)?;
        }
        Ok(())
    }

    /// How far each of the stream's durable consumers has come: the position up to which all is done.
    pub async fn progress(&self) -> Result<Vec<(String, i64)>, LostError> {
        let mut consumers = self.stream.consumers();
        let mut progress = Vec::new();
        while let Some(consumer) = consumers.next().await {
            let consumer = consumer.map_err(unanswered)?;
            let done = stream::position(consumer.ack_floor.stream_sequence);
            if let Some(name) = consumer.config.durable_name.filter(|_| done >= 0) {
                progress.push((name, done));
            }
        }
        Ok(progress)
    }

    /// Whether nothing was ever published to it.
    pub async fn is_empty(&self) -> Result<bool, LostError> {
        Ok(self.stream.get_info().await.map_err(unanswered)?.state.last_sequence == 0)
    }

    /// The relay makes the stream again and fills it from the log. Consumers go with it.
    pub async fn remove(self) -> Result<(), LostError> {
        self.jetstream.delete_stream(stream::NAME).await.map(|_| ()).map_err(unanswered)
    }
}

fn is_gone(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error)
        if error.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND)
}

fn unanswered(error: impl std::fmt::Display) -> LostError {
    LostError::JetStream(error.to_string())
}
