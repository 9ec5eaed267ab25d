//! Whether a read model is what the log makes of it: it is folded anew beside the live one, which goes on,
//! and compared row by row with what that was at one moment.

use eventstore::journal::Journal;
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgPool};

use crate::generation::{
    BATCH, GenerationError, Pace, create, fold, fold_batch, live, run, use_schema,
};
use crate::projection::Projection;

/// Rows of a table that are not what the log makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    pub read_model: &'static str,
    pub table: String,
    /// Rows that are there and should not be.
    pub surplus: i64,
    /// Rows that should be there and are not. A changed row is one of each.
    pub missing: i64,
    /// One of those that are too many, or else one of those that are missing, as PostgreSQL writes
    /// it.
    pub example: String,
}

/// What a read model is, and how it differs from what it should be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub read_model: &'static str,
    /// The last position folded.
    pub position: i64,
    pub rows: i64,
    pub differences: Vec<Difference>,
}

fn replayed<P: Projection>() -> String {
    format!("read_{}_replayed", P::NAME)
}

/// Folds and compares. Nothing is left behind but by a process that was killed, and that goes with the
/// next time.
pub async fn compare<P: Projection>(
    projection: &P,
    pool: &PgPool,
    journal: &Journal,
) -> Result<Comparison, GenerationError> {
    let schema = replayed::<P>();
    let mut alone = pool.acquire().await?.detach();
    sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))")
        .bind(&schema)
        .execute(&mut alone)
        .await?;
    let compared = folded_and_compared(projection, pool, journal, &schema).await;
    run(&mut alone, &format!("drop schema if exists {schema} cascade")).await?;
    let _ = alone.close().await;
    compared
}

async fn folded_and_compared<P: Projection>(
    projection: &P,
    pool: &PgPool,
    journal: &Journal,
    schema: &str,
) -> Result<Comparison, GenerationError> {
    let mut tx = pool.begin().await?;
    run(&mut tx, &format!("drop schema if exists {schema} cascade")).await?;
    create::<P>(&mut tx, schema).await?;
    let mut goal = position_of::<P>(&mut tx).await?;
    tx.commit().await?;
    let mut at = -1;
    while at < goal {
        let events = journal.after(at, BATCH.min(goal - at)).await?;
        (at, _) = fold(projection, pool, schema, &events).await?;
        if at >= goal {
            // Meanwhile the live one has gone on: what is left is to be little.
            let further = position_of::<P>(&mut *pool.acquire().await?).await?;
            goal = if further - at > BATCH { further } else { goal };
        }
    }

    // One look at the live one, which goes on: its rows and where they stand are of the same moment.
    // Comparing a big one takes longer than a statement may otherwise.
    let mut tx = pool.begin().await?;
    run(&mut tx, "set transaction isolation level repeatable read").await?;
    run(&mut tx, "set local statement_timeout = 0").await?;
    goal = position_of::<P>(&mut tx).await?;
    use_schema(&mut tx, schema).await?;
    while at < goal {
        let events = journal.after(at, BATCH.min(goal - at)).await?;
        (at, _) = fold_batch(projection, &mut tx, &events, &[], Pace::OneByOne).await?;
    }
    let (mut rows, mut differences) = (0, Vec::new());
    for table in tables(&mut tx, schema).await? {
        let (count, difference) = of_table::<P>(&mut tx, schema, table).await?;
        rows += count;
        differences.extend(difference);
    }
    tx.rollback().await?;
    Ok(Comparison { read_model: P::NAME, position: goal, rows, differences })
}

/// How far the live one has come.
async fn position_of<P: Projection>(connection: &mut PgConnection) -> Result<i64, GenerationError> {
    let sql = format!("select position from {}.checkpoint where version = $1", live::<P>());
    let position = sqlx::query_scalar(&sql).bind(P::VERSION).fetch_optional(connection).await?;
    position.ok_or(GenerationError::Superseded(P::VERSION))
}

/// All but the generation's own: where it stands, and what is parked, which tells of trouble there was.
async fn tables(connection: &mut PgConnection, schema: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select tablename::text from pg_tables
         where schemaname = $1 and tablename not in ('checkpoint', 'parked') order by 1",
    )
    .bind(schema)
    .fetch_all(connection)
    .await
}

async fn of_table<P: Projection>(
    connection: &mut PgConnection,
    schema: &str,
    table: String,
) -> Result<(i64, Option<Difference>), sqlx::Error> {
    let live = live::<P>();
    // Whole rows as text: some columns know no equality. The names are ours.
    let sql = format!(
        "with live as (select t::text as row from {live}.{table} t),
             replayed as (select t::text as row from {schema}.{table} t),
             surplus as (table live except all table replayed),
             missing as (table replayed except all table live)
         select (select count(*) from live), (select count(*) from surplus),
             (select count(*) from missing),
             coalesce((select min(row) from surplus), (select min(row) from missing), '')"
    );
    let (rows, surplus, missing, example): (i64, i64, i64, String) =
        sqlx::query_as(&sql).fetch_one(connection).await?;
    let read_model = P::NAME;
    let differs = surplus + missing > 0;
    let difference = Difference { read_model, table, surplus, missing, example };
    Ok((rows, differs.then_some(difference)))
}
