//! Generations of a read model: each a schema with the tables and their checkpoint. The live one is
//! `read_<name>`; one that is being built is `read_<name>_next` and takes its place in one
//! transaction.

use eventstore::Recorded;
use eventstore::journal::{Journal, JournalError};
use sqlx::{Connection, Executor, PgConnection, PgPool, Postgres, Transaction};
use thiserror::Error;

use crate::parked::{self, Parked};
use crate::projection::{ApplyError, Projection};

#[derive(Debug, Error)]
pub enum GenerationError {
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("position {position}: {error}")]
    Apply { position: i64, error: ApplyError },
    /// The live generation is of another version; processes of that version look after it.
    #[error("the live generation is not of version {0}")]
    Superseded(i32),
    /// Somebody else moved the checkpoint; it is at the position given.
    #[error("the checkpoint is at {0}")]
    Moved(i64),
}

impl GenerationError {
    pub(crate) fn apply(event: &Recorded, error: ApplyError) -> Self {
        Self::Apply { position: event.position, error }
    }
}

/// How many events are folded in one transaction.
pub const BATCH: i64 = 500;

pub fn live<P: Projection>() -> String {
    format!("read_{}", P::NAME)
}

fn next<P: Projection>() -> String {
    format!("read_{}_next", P::NAME)
}

/// Makes the live generation if there is none. Says where it stands, and whether it is of today's
/// version. A newer one is left to newer processes: an old one never builds it back.
pub async fn ensure<P: Projection>(pool: &PgPool) -> Result<(i64, bool), GenerationError> {
    let mut tx = pool.begin().await?;
    lock::<P>(&mut tx).await?;
    let schema = live::<P>();
    let (exists,): (bool,) =
        sqlx::query_as("select exists (select from pg_namespace where nspname = $1)")
            .bind(&schema)
            .fetch_one(&mut *tx)
            .await?;
    if !exists {
        create::<P>(&mut tx, &schema).await?;
    }
    use_schema(&mut tx, &schema).await?;
    let (position, version): (i64, i32) =
        sqlx::query_as("select position, version from checkpoint").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    if version > P::VERSION {
        return Err(GenerationError::Superseded(P::VERSION));
    }
    Ok((position, version == P::VERSION))
}

/// Folds a batch into the live generation, together with its checkpoint. Gives also what is parked
/// afterwards.
pub async fn advance<P: Projection>(
    projection: &P,
    pool: &PgPool,
    events: &[Recorded],
) -> Result<(i64, Vec<Parked>), GenerationError> {
    fold(projection, pool, &live::<P>(), events).await
}

/// A transaction on the live generation.
pub(crate) async fn begin_live<P: Projection>(
    pool: &PgPool,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    use_schema(&mut tx, &live::<P>()).await?;
    Ok(tx)
}

/// Folds a batch in a transaction. An event that cannot be folded parks its partition, and the
/// batch is begun again without it.
pub(crate) async fn fold<P: Projection>(
    projection: &P,
    pool: &PgPool,
    schema: &str,
    events: &[Recorded],
) -> Result<(i64, Vec<Parked>), GenerationError> {
    let mut poison: Vec<Parked> = Vec::new();
    let mut pace = Pace::Together;
    loop {
        let mut tx = pool.begin().await?;
        use_schema(&mut tx, schema).await?;
        match fold_batch(projection, &mut tx, events, &poison, pace).await {
            Ok(done) => {
                tx.commit().await?;
                return Ok(done);
            }
            // Which of them it was shows when each is folded by itself.
            Err(GenerationError::Apply { error, .. })
                if pace == Pace::Together && error.is_poison() =>
            {
                pace = Pace::OneByOne;
            }
            Err(GenerationError::Apply { position, error }) if error.is_poison() => {
                tracing::error!(projection = P::NAME, position, %error, "a poison event");
                let event = events.iter().find(|event| event.position == position);
                poison.extend(event.map(|event| Parked::behind(event, error.to_string())));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Builds the read model anew beside the live one and lets it take its place. Reads go on all the
/// while and never go backwards. `passed` is told how far the new generation has come.
pub async fn rebuild<P: Projection>(
    projection: &P,
    pool: &PgPool,
    journal: &Journal,
    passed: impl Fn(i64),
) -> Result<i64, GenerationError> {
    let schema = next::<P>();
    // One process at a time builds, from the first event to the swap. The lock goes with its
    // connection, so nobody who died holds it.
    let mut building = pool.acquire().await?.detach();
    sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))")
        .bind(&schema)
        .execute(&mut building)
        .await?;
    let mut tx = pool.begin().await?;
    run(&mut tx, &format!("drop schema if exists {schema} cascade")).await?;
    create::<P>(&mut tx, &schema).await?;
    tx.commit().await?;

    let mut at = -1;
    let swapped = loop {
        let events = journal.after(at, BATCH).await?;
        if !events.is_empty() {
            (at, _) = fold(projection, pool, &schema, &events).await?;
            passed(at);
            continue;
        }
        match swap(projection, pool, journal).await {
            // It came in between; it is parked like any other, and then swapped.
            Err(GenerationError::Apply { error, .. }) if error.is_poison() => {}
            swapped => break swapped,
        }
    };
    let _ = building.close().await;
    swapped
}

/// Holds the live checkpoint still, brings the new generation up to it, and renames.
async fn swap<P: Projection>(
    projection: &P,
    pool: &PgPool,
    journal: &Journal,
) -> Result<i64, GenerationError> {
    let (live, next) = (live::<P>(), next::<P>());
    let mut tx = pool.begin().await?;
    lock::<P>(&mut tx).await?;
    use_schema(&mut tx, &live).await?;
    // Whatever version it is of, it is held still until it is gone.
    let (goal,): (i64,) =
        sqlx::query_as("select position from checkpoint for update").fetch_one(&mut *tx).await?;
    use_schema(&mut tx, &next).await?;
    let mut at = checkpoint::<P>(&mut tx).await?;
    while at < goal {
        let events = journal.after(at, BATCH).await?;
        (at, _) = fold_batch(projection, &mut tx, &events, &[], Pace::OneByOne).await?;
    }
    run(&mut tx, &format!("drop schema {live} cascade; alter schema {next} rename to {live}"))
        .await?;
    tx.commit().await?;
    Ok(at)
}

/// How the events of a batch are handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Together,
    OneByOne,
}

pub(crate) async fn fold_batch<P: Projection>(
    projection: &P,
    connection: &mut PgConnection,
    events: &[Recorded],
    poison: &[Parked],
    pace: Pace,
) -> Result<(i64, Vec<Parked>), GenerationError> {
    let mut at = checkpoint::<P>(connection).await?;
    for parked in poison {
        parked.note(connection).await?;
    }
    let parked = Parked::all(connection).await?;
    let mut wanted = Vec::with_capacity(events.len());
    for event in events {
        if event.position <= at {
            continue;
        }
        if event.position != at + 1 {
            return Err(GenerationError::Moved(at));
        }
        if !parked.iter().any(|parked| parked.holds(event)) {
            wanted.push(event);
        }
        at = event.position;
    }
    let steps = match pace {
        Pace::Together => wanted.chunks(wanted.len().max(1)),
        Pace::OneByOne => wanted.chunks(1),
    };
    for step in steps {
        let applied = projection.apply_all(connection, step).await;
        applied.map_err(|error| match step.first() {
            Some(event) => GenerationError::apply(event, error),
            None => GenerationError::Moved(at),
        })?;
    }
    sqlx::query("update checkpoint set position = $1").bind(at).execute(&mut *connection).await?;
    Ok((at, parked))
}

/// The checkpoint of a generation of our version, held until the transaction ends.
pub(crate) async fn checkpoint<P: Projection>(
    connection: &mut PgConnection,
) -> Result<i64, GenerationError> {
    let row: Option<(i64,)> =
        sqlx::query_as("select position from checkpoint where version = $1 for update")
            .bind(P::VERSION)
            .fetch_optional(connection)
            .await?;
    row.map(|(position,)| position).ok_or(GenerationError::Superseded(P::VERSION))
}

pub(crate) async fn create<P: Projection>(
    tx: &mut Transaction<'_, Postgres>,
    schema: &str,
) -> Result<(), sqlx::Error> {
    let version = P::VERSION;
    let (tables, parked) = (P::TABLES, parked::TABLE);
    let making = format!(
        "create schema {schema};
         set local search_path to {schema};
         create table checkpoint (
             only_one boolean primary key default true check (only_one),
             position bigint not null,
             version integer not null
         );
         insert into checkpoint (position, version) values (-1, {version});
         {parked}
         {tables}
         grant usage on schema {schema} to caskchain_reader;
         grant select on all tables in schema {schema} to caskchain_reader;"
    );
    run(tx, &making).await
}

pub(crate) async fn use_schema(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<(), sqlx::Error> {
    // Statements are prepared per search path as PostgreSQL sees it, so one connection may serve
    // two generations.
    run(connection, &format!("set local search_path to {schema}")).await
}

/// Runs statements that are ours from the first word to the last.
pub(crate) async fn run(
    connection: &mut PgConnection,
    statements: &str,
) -> Result<(), sqlx::Error> {
    connection.execute(statements).await?;
    Ok(())
}

/// One process at a time makes and swaps generations of a read model.
pub(crate) async fn lock<P: Projection>(
    tx: &mut Transaction<'_, Postgres>,
) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(live::<P>())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
