//! A durable subscription: at least once, with growing pauses, and a dead letter after the last.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{Config, Stream};
use async_nats::jetstream::{AckKind, Context, Message};
use eventstore::progress::Progress;
use eventstore::{Recorded, stream};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::error::CommandError;

/// What a reaction says of a message it could not finish.
#[derive(Debug, Error)]
pub enum ReactionError {
    /// Not now; the message comes again and nothing is counted against it.
    #[error("not yet: {0}")]
    NotYet(String),
    /// Tried and failed; after enough of these the message becomes a dead letter.
    #[error("{0}")]
    Failed(String),
}

impl From<CommandError> for ReactionError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Unavailable(_) | CommandError::Conflict | CommandError::Busy => {
                Self::NotYet(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Which events a reaction is told of, under which name its progress is kept.
pub struct Subscription {
    pub name: &'static str,
    pub subjects: &'static [&'static str],
    /// How many of them are worked on at once; one keeps them in their order.
    pub at_once: usize,
}

const DEAD_LETTERS: &str = "CASKCHAIN_DEAD_LETTERS";
/// Failures of one message, counted by the process that sees them.
const MAX_FAILURES: u32 = 20;
/// A message whose reaction died with its process comes again after this long. Coming again while
/// it is still worked on does no harm: every step is judged by the log.
const ACK_WAIT: Duration = Duration::from_secs(10);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How many messages a reaction may have in hand, over all its processes.
const MAX_ACK_PENDING: i64 = 16;
/// How often progress is noted beside the log: what was done since is done again if the stream is lost.
const NOTE_EVERY: Duration = Duration::from_secs(1);

impl Subscription {
    /// Hands every event to `react` until stopped. A failure of NATS ends a session, never the
    /// subscription.
    pub async fn run<F>(
        &self,
        jetstream: Context,
        progress: Progress,
        stop: CancellationToken,
        react: impl Fn(Recorded) -> F,
    ) where
        F: Future<Output = Result<(), ReactionError>>,
    {
        while !stop.is_cancelled() {
            if let Err(error) = self.session(&jetstream, &progress, &stop, &react).await {
                tracing::warn!(reaction = self.name, error, "subscription interrupted");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
    }

    async fn session<F>(
        &self,
        jetstream: &Context,
        progress: &Progress,
        stop: &CancellationToken,
        react: &impl Fn(Recorded) -> F,
    ) -> Result<(), String>
    where
        F: Future<Output = Result<(), ReactionError>>,
    {
        let consumer = self.consumer(jetstream, progress).await?;
        let failures = Failures::default();
        let mut messages = consumer.messages().await.map_err(|error| error.to_string())?;
        let mut in_hand = FuturesUnordered::new();
        // Beside the work, which waits for no note.
        let mut noting = pin!(self.keep_noting(consumer.clone(), progress));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = &mut noting => {}
                Some(done) = in_hand.next() => done?,
                message = messages.next(), if in_hand.len() < self.at_once => {
                    let message = message.ok_or_else(|| "the subscription ended".to_owned())?;
                    let message = message.map_err(|error| error.to_string())?;
                    in_hand.push(self.handle(jetstream, message, react, &failures));
                }
            }
        }
        // What was begun is ended.
        while let Some(done) = in_hand.next().await {
            done?;
        }
        self.note(&mut consumer.clone(), progress, None).await.map(|_| ())
    }

    /// Keeps how far everything is done, every second, for as long as it is polled.
    async fn keep_noting(&self, mut consumer: PullConsumer, progress: &Progress) {
        let mut noted = None;
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            match self.note(&mut consumer, progress, noted).await {
                Ok(done) => noted = Some(done),
                Err(error) => tracing::debug!(reaction = self.name, error, "not noted"),
            }
        }
    }

    /// Keeps how far everything is done, if that is not what was kept at the last look.
    async fn note(
        &self,
        consumer: &mut PullConsumer,
        progress: &Progress,
        noted: Option<i64>,
    ) -> Result<i64, String> {
        let info = consumer.info().await.map_err(|error| error.to_string())?;
        let done = stream::position(info.ack_floor.stream_sequence);
        if noted != Some(done) && done >= 0 {
            progress.note(self.name, done).await.map_err(|error| error.to_string())?;
        }
        Ok(done)
    }

    /// Where a consumer that is there goes on by itself; a new one begins after what is noted as done.
    async fn start(&self, events: &Stream, progress: &Progress) -> Result<DeliverPolicy, String> {
        match events.consumer_info(self.name).await {
            Ok(info) => return Ok(info.config.deliver_policy),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {}
            Err(error) => return Err(error.to_string()),
        }
        let done = progress.of(self.name).await.map_err(|error| error.to_string())?;
        let Some(done) = done else {
            return Ok(DeliverPolicy::All);
        };
        // A stream that is being filled again would begin at its end of today, which is its beginning.
        let state = events.get_info().await.map_err(|error| error.to_string())?.state;
        let start_sequence = stream::sequence(done) + 1;
        if state.last_sequence < stream::sequence(done) {
            return Err(format!("the stream has not come to position {done} yet"));
        }
        Ok(DeliverPolicy::ByStartSequence { start_sequence })
    }

    async fn consumer(
        &self,
        jetstream: &Context,
        progress: &Progress,
    ) -> Result<PullConsumer, String> {
        let events = jetstream.get_stream(stream::NAME).await.map_err(|error| error.to_string())?;
        jetstream
            .get_or_create_stream(Config {
                name: DEAD_LETTERS.to_owned(),
                subjects: vec!["caskchain.dead.>".to_owned()],
                ..Config::default()
            })
            .await
            .map_err(|error| error.to_string())?;
        events
            // Made, or brought up to date: a newer process may want more subjects.
            .create_consumer(pull::Config {
                durable_name: Some(self.name.to_owned()),
                filter_subjects: self.subjects.iter().map(|s| (*s).to_owned()).collect(),
                deliver_policy: self.start(&events, progress).await?,
                ack_policy: AckPolicy::Explicit,
                ack_wait: ACK_WAIT,
                max_ack_pending: MAX_ACK_PENDING,
                ..pull::Config::default()
            })
            .await
            .map_err(|error| error.to_string())
    }

    async fn handle<F>(
        &self,
        jetstream: &Context,
        message: Message,
        react: &impl Fn(Recorded) -> F,
        failures: &Failures,
    ) -> Result<(), String>
    where
        F: Future<Output = Result<(), ReactionError>>,
    {
        let sequence = message.info().map_err(|error| error.to_string())?.stream_sequence;
        let outcome = match stream::read(message.headers.as_ref(), &message.payload) {
            Ok(event) => react(event).await,
            Err(error) => Err(ReactionError::Failed(error.to_string())),
        };
        // Only failures count: being asked to wait, or to wait for a slow neighbour, is none.
        let failed = match &outcome {
            Err(ReactionError::Failed(_)) => failures.one_more(sequence),
            _ => 0,
        };
        let kind = match outcome {
            Ok(()) => AckKind::Ack,
            Err(ReactionError::NotYet(reason)) => {
                tracing::debug!(reaction = self.name, reason, "not yet");
                AckKind::Nak(Some(RETRY_AFTER))
            }
            Err(ReactionError::Failed(reason)) if failed < MAX_FAILURES => {
                tracing::warn!(reaction = self.name, reason, failed, "reaction failed");
                AckKind::Nak(Some(pause(failed)))
            }
            Err(ReactionError::Failed(reason)) => {
                tracing::error!(reaction = self.name, reason, "parked as a dead letter");
                self.park(jetstream, &message).await?;
                AckKind::Term
            }
        };
        if matches!(kind, AckKind::Ack | AckKind::Term) {
            failures.forget(sequence);
        }
        message.ack_with(kind).await.map_err(|error| error.to_string())
    }

    /// Keeps the message where an operator finds it.
    async fn park(&self, jetstream: &Context, message: &Message) -> Result<(), String> {
        let subject = format!("caskchain.dead.{}", self.name);
        let headers = message.headers.clone().unwrap_or_default();
        jetstream
            .publish_with_headers(subject, headers, message.payload.clone())
            .await
            .map_err(|error| error.to_string())?
            .await
            .map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// How often each message has failed here.
#[derive(Default)]
struct Failures(Mutex<HashMap<u64, u32>>);

impl Failures {
    fn one_more(&self, sequence: u64) -> u32 {
        let mut counted = self.counted();
        let failed = counted.entry(sequence).or_default();
        *failed += 1;
        *failed
    }

    fn forget(&self, sequence: u64) {
        self.counted().remove(&sequence);
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One second, doubling, at most five minutes.
fn pause(failures: u32) -> Duration {
    let doublings = failures.clamp(1, 9) - 1;
    (RETRY_AFTER * 2_u32.pow(doublings)).min(Duration::from_secs(300))
}
