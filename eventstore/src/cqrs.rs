//! The store as `cqrs-es` knows one, for what is written against that trait.

use std::collections::HashMap;

use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};
use domain::command::Root;

use crate::commit::CommitError;
use crate::envelope::Context;
use crate::store::{Loaded, Store};

/// One tenant's streams, written in one context.
#[derive(Clone)]
pub struct Streams {
    pub store: Store,
    pub context: Context,
}

/// An aggregate between load and commit: as it was read, and as the handler leaves it.
pub struct Handled<A> {
    loaded: Loaded<A>,
    handled: A,
}

impl<A: Root> AggregateContext<A> for Handled<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.handled
    }
}

fn unexpected<A: Aggregate>(
    error: impl std::error::Error + Send + Sync + 'static,
) -> AggregateError<A::Error> {
    AggregateError::UnexpectedError(Box::new(error))
}

impl<A: Root> EventStore<A> for Streams {
    type AC = Handled<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        self.store
            .envelopes::<A>(self.context.tenant(), aggregate_id)
            .await
            .map_err(unexpected::<A>)
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<Handled<A>, AggregateError<A::Error>> {
        let loaded: Loaded<A> = self
            .store
            .load_fresh(self.context.tenant(), aggregate_id)
            .await
            .map_err(unexpected::<A>)?;
        let handled = A::clone(&loaded.state);
        Ok(Handled { loaded, handled })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Handled<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let loaded = context.loaded;
        let commit = self.store.begin(&self.context).append(&loaded, events.clone());
        match self.store.commit(commit).await {
            Ok(_) => Ok(events
                .into_iter()
                .zip(loaded.sequence + 1..)
                .map(|(payload, sequence)| EventEnvelope {
                    aggregate_id: loaded.id.clone(),
                    sequence: usize::try_from(sequence).unwrap_or_default(),
                    payload,
                    metadata: metadata.clone(),
                })
                .collect()),
            Err(CommitError::Stale) => Err(AggregateError::AggregateConflict),
            Err(error) => Err(unexpected::<A>(error)),
        }
    }
}
