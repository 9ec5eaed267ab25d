//! What a command is: a rule over the state, and the permission it needs, in one place.

use cqrs_es::Aggregate;

use crate::permission::Permission;
use crate::refusal::Refusal;

/// A command names the permission it needs and decides, from the state alone, which events follow.
///
/// `decide` is synchronous and pure. Whatever it needs to know beside the state (the time, an id,
/// whether a password matched) is a field of the command, put there by the use case.
pub trait Command<A: Aggregate> {
    /// What the caller must be allowed to do.
    const REQUIRES: Permission;

    /// The rule. An empty list means: already so, nothing to record.
    fn decide(&self, state: &A) -> Result<Vec<A::Event>, A::Error>;
}

/// A command with its type forgotten, which is what `cqrs-es` calls a command.
pub struct Decision<A: Aggregate>(Box<dyn Decide<A>>);

trait Decide<A: Aggregate>: Send + Sync {
    fn decide(&self, state: &A) -> Result<Vec<A::Event>, A::Error>;
}

impl<A: Aggregate, C: Command<A> + Send + Sync> Decide<A> for C {
    fn decide(&self, state: &A) -> Result<Vec<A::Event>, A::Error> {
        Command::decide(self, state)
    }
}

impl<A: Aggregate> Decision<A> {
    pub fn of<C: Command<A> + Send + Sync + 'static>(command: C) -> Self {
        Self(Box::new(command))
    }

    pub fn decide(&self, state: &A) -> Result<Vec<A::Event>, A::Error> {
        self.0.decide(state)
    }
}

/// An aggregate as this platform keeps it: its errors classify themselves, and its state can be
/// cached and kept as a snapshot.
pub trait Root:
    Aggregate<Command = Decision<Self>, Services = (), Error: Refusal> + Clone + 'static
{
    /// Rises whenever the shape of the state changes: older snapshots are then not read.
    const SNAPSHOT_VERSION: i32;
}

/// The adapter every aggregate uses for `cqrs_es::Aggregate`: decide, then hand over the events.
macro_rules! aggregate {
    ($aggregate:ty, $name:literal, $event:ty, $error:ty, snapshot $snapshot:literal) => {
        impl $crate::command::Root for $aggregate {
            const SNAPSHOT_VERSION: i32 = $snapshot;
        }

        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $name;
            type Command = $crate::command::Decision<Self>;
            type Event = $event;
            type Error = $error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &(),
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in command.decide(self)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                self.fold(event);
            }
        }
    };
}
pub(crate) use aggregate;

#[cfg(test)]
pub(crate) mod scenario {
    //! Given events, when a command, then events or a refusal.

    use cqrs_es::Aggregate;
    use cqrs_es::test::{AggregateResultValidator, TestFramework};

    use super::{Command, Decision};

    pub fn given<A: Aggregate<Services = (), Command = Decision<A>>>(
        events: Vec<A::Event>,
    ) -> Given<A> {
        Given(events)
    }

    pub struct Given<A: Aggregate>(Vec<A::Event>);

    impl<A: Aggregate<Services = (), Command = Decision<A>>> Given<A> {
        pub fn when<C: Command<A> + Send + Sync + 'static>(
            self,
            command: C,
        ) -> AggregateResultValidator<A> {
            TestFramework::<A>::with(()).given(self.0).when(Decision::of(command))
        }
    }
}
