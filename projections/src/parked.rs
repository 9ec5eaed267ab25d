//! Partitions of a read model that wait behind an event that cannot be folded. All others go on.
//! What is parked is tried again when the read model starts, and built anew by a rebuild.

use eventstore::Recorded;
use eventstore::journal::Journal;
use eventstore::stream::partition;
use sqlx::{FromRow, PgConnection, PgPool};

use crate::generation::{self, BATCH, GenerationError};
use crate::projection::Projection;

/// A partition that waits.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Parked {
    pub partition: i16,
    /// The event in the way: the first of the partition that is not folded.
    pub position: i64,
    pub reason: String,
}

/// Stands in each generation, beside the checkpoint, and moves in the same transactions.
pub(crate) const TABLE: &str = "
    create table parked (
        partition smallint primary key,
        position bigint not null,
        reason text not null
    );";

impl Parked {
    pub(crate) fn behind(event: &Recorded, reason: String) -> Self {
        Self { partition: partition_of(event), position: event.position, reason }
    }

    pub(crate) async fn all(connection: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as("select partition, position, reason from parked order by partition")
            .fetch_all(connection)
            .await
    }

    /// Parks the partition, or moves it on to the event that is in the way now.
    pub(crate) async fn note(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into parked (partition, position, reason) values ($1, $2, $3)
             on conflict (partition) do update
             set position = excluded.position, reason = excluded.reason",
        )
        .bind(self.partition)
        .bind(self.position)
        .bind(&self.reason)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn lift(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("delete from parked where partition = $1")
            .bind(self.partition)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Whether the event has to wait.
    pub(crate) fn holds(&self, event: &Recorded) -> bool {
        self.partition == partition_of(event) && self.position <= event.position
    }
}

/// Folds what parked partitions of the live generation have missed, as far as it goes now. The
/// live checkpoint is held still for a batch at a time only. Gives those that are still parked.
pub async fn try_again<P: Projection>(
    projection: &P,
    pool: &PgPool,
    journal: &Journal,
) -> Result<Vec<Parked>, GenerationError> {
    let waiting = of_live::<P>(pool).await?;
    let mut still = Vec::new();
    for mut parked in waiting {
        loop {
            match step(projection, pool, journal, &parked, i64::MAX).await? {
                Step::On(position) => parked.position = position,
                Step::Lifted => {
                    tracing::info!(projection = P::NAME, parked.partition, "no longer parked");
                    break;
                }
                Step::Stuck(stuck) if stuck.position == parked.position => {
                    still.push(stuck);
                    break;
                }
                // What comes before the event in the way can be kept.
                Step::Stuck(stuck) => {
                    parked.reason.clone_from(&stuck.reason);
                    step(projection, pool, journal, &parked, stuck.position).await?;
                    parked = stuck;
                }
            }
        }
    }
    Ok(still)
}

/// What is parked in the live generation.
pub async fn of_live<P: Projection>(pool: &PgPool) -> Result<Vec<Parked>, GenerationError> {
    let mut tx = generation::begin_live::<P>(pool).await?;
    let parked = Parked::all(&mut tx).await?;
    tx.commit().await?;
    Ok(parked)
}

enum Step {
    /// The partition is folded up to here, and there is more.
    On(i64),
    Lifted,
    Stuck(Parked),
}

/// One transaction: the partition's events of one batch, before `limit`.
async fn step<P: Projection>(
    projection: &P,
    pool: &PgPool,
    journal: &Journal,
    parked: &Parked,
    limit: i64,
) -> Result<Step, GenerationError> {
    let events = journal.after(parked.position - 1, BATCH).await?;
    let mut tx = generation::begin_live::<P>(pool).await?;
    let folded = generation::checkpoint::<P>(&mut tx).await?;
    let known = Parked::all(&mut tx).await?;
    if !known.iter().any(|k| (k.partition, k.position) == (parked.partition, parked.position)) {
        // Another process saw to it.
        return Ok(Step::Lifted);
    }
    let end = limit.min(folded + 1);
    for event in events.iter().filter(|event| event.position < end && parked.holds(event)) {
        match projection.apply(&mut tx, event).await {
            Ok(()) => {}
            Err(error) if error.is_poison() => {
                return Ok(Step::Stuck(Parked::behind(event, error.to_string())));
            }
            Err(error) => return Err(GenerationError::apply(event, error)),
        }
    }
    let next = events.last().map_or(end, |last| end.min(last.position + 1));
    let step = if next > folded {
        parked.lift(&mut tx).await?;
        Step::Lifted
    } else {
        Parked { position: next, ..parked.clone() }.note(&mut tx).await?;
        Step::On(next)
    };
    tx.commit().await?;
    Ok(step)
}

fn partition_of(event: &Recorded) -> i16 {
    // Partitions are few, and their number is fixed for ever.
    i16::try_from(partition(&event.aggregate_id)).unwrap_or(i16::MAX)
}
