//! The one call of `eventstore.append`: a batch as arrays on the way in, what became of each command
//! on the way out.

use std::collections::HashMap;

use domain::id::TenantId;
use domain::personal::Purpose;
use sqlx::PgConnection;

use crate::appender::Job;
use crate::commit::CommitError;

type OutcomeRow = (i32, String, Option<i64>, Option<time::OffsetDateTime>, Option<String>);

pub(crate) struct Outcomes {
    pub first_position: i64,
    lost: Vec<OutcomeRow>,
}

impl Outcomes {
    fn of(rows: Vec<OutcomeRow>) -> Self {
        let (head, lost): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.0 == 0);
        let first_position = head.first().and_then(|row| row.2).unwrap_or_default();
        Self { first_position, lost }
    }

    /// Why the command at this index was not appended. A command can lose in several ways; what
    /// was asked before is answered as before, and what may be tried again comes before what may
    /// not.
    pub fn lost_by(&self, index: usize) -> Option<CommitError> {
        let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
        let of = |wanted: &str| self.lost.iter().find(|row| row.0 == number && row.1 == wanted);
        if let Some((_, _, position, _, answer)) = of("repeated") {
            return Some(CommitError::Repeated {
                answer: answer.clone().unwrap_or_default(),
                position: position.unwrap_or_default(),
            });
        }
        if of("mismatched").is_some() {
            return Some(CommitError::Mismatched);
        }
        if of("stale").is_some() {
            return Some(CommitError::Stale);
        }
        of("claimed").map(|(_, _, _, _, kinds)| {
            let kinds = kinds.as_deref().unwrap_or_default();
            CommitError::Claimed(kinds.split(',').map(str::to_owned).collect())
        })
    }
}

/// Numbers each item of each job with its command.
fn numbered<'a, T: Sync + 'a>(
    batch: &[&'a Job],
    items: impl Fn(&'a Job) -> &'a [T],
) -> impl Iterator<Item = (i32, &'a Job, &'a T)> + Clone + 'a {
    let lists: Vec<(i32, &'a Job, &'a [T])> =
        batch.iter().zip(1..).map(|(job, number)| (number, *job, items(job))).collect();
    lists
        .into_iter()
        .flat_map(|(number, job, list)| list.iter().map(move |item| (number, job, item)))
}

/// How many events of its own tenant come before each.
fn tenant_ordinals(tenants: impl Iterator<Item = TenantId>) -> Vec<i32> {
    let mut counts: HashMap<TenantId, i32> = HashMap::new();
    tenants
        .map(|tenant| {
            let count = counts.entry(tenant).or_default();
            *count += 1;
            *count - 1
        })
        .collect()
}

/// How many events of the batch come up to the end of each job that has a key.
fn ends(batch: &[&Job]) -> Vec<i32> {
    let mut events = 0;
    let ends = batch.iter().map(|job| {
        events += i32::try_from(job.rows.len()).unwrap_or(i32::MAX);
        job.key.is_some().then_some(events)
    });
    ends.flatten().collect()
}

/// Which streams are looked at before they are written to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// All but new ones. Their ids were made a moment ago, so that looking is in vain; if one is
    /// there all the same, the index of streams refuses the whole batch.
    AtKnownStreams,
    AtAllStreams,
}

/// Appends a batch on this connection.
pub(crate) async fn append(
    connection: &mut PgConnection,
    batch: &[&Job],
    look: Look,
) -> Result<Outcomes, sqlx::Error> {
    /// One column of a kind: the same field of every item.
    macro_rules! column {
        ($items:expr, $pattern:pat => $value:expr) => {
            $items.clone().map(|$pattern| $value).collect::<Vec<_>>()
        };
    }
    let rows = numbered(batch, |job| &job.rows);
    let reads = numbered(batch, |job| &job.read);
    let claims = numbered(batch, |job| &job.claims);
    let keys = numbered(batch, |job| job.key.as_slice());
    let data_keys = numbered(batch, |job| &job.data_keys);
    let sealed = numbered(batch, |job| &job.sealed);
    let erased = numbered(batch, |job| &job.erased);
    let purpose = |purpose: Purpose| purpose.name();
    let all = look == Look::AtAllStreams;

    let rows: Vec<OutcomeRow> = sqlx::query_as(
        "select command, outcome, at_position, at_time, detail from eventstore.append(
             $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36,
             $37, $38, $39, $40, $41, $42)",
    )
    .bind(column!(rows, (command, _, _) => command))
    .bind(column!(rows, (_, _, row) => row.tenant.value()))
    .bind(tenant_ordinals(rows.clone().map(|(_, _, row)| row.tenant)))
    .bind(column!(rows, (_, _, row) => row.aggregate_type))
    .bind(column!(rows, (_, _, row) => row.aggregate_id.as_str()))
    .bind(column!(rows, (_, _, row) => row.sequence))
    .bind(column!(rows, (_, _, row) => row.first && (row.sequence > 1 || all)))
    .bind(column!(rows, (_, _, row) => row.event_type.as_str()))
    .bind(column!(rows, (_, _, row) => row.schema_version))
    .bind(column!(rows, (_, _, row) => row.envelope.as_str()))
    .bind(column!(reads, (command, _, _) => command))
    .bind(column!(reads, (_, _, stream) => stream.aggregate_type))
    .bind(column!(reads, (_, _, stream) => stream.aggregate_id.as_str()))
    .bind(column!(reads, (_, _, stream) => stream.expected))
    .bind(column!(claims, (command, _, _) => command))
    .bind(column!(claims, (_, job, _) => job.tenant.value()))
    .bind(column!(claims, (_, _, claim) => claim.kind))
    .bind(column!(claims, (_, _, claim) => claim.digest.as_slice()))
    .bind(column!(claims, (_, _, claim) => claim.holder.as_str()))
    .bind(column!(claims, (_, _, claim) => claim.let_go))
    .bind(column!(keys, (command, _, _) => command))
    .bind(column!(keys, (_, job, _) => job.tenant.value()))
    .bind(column!(keys, (_, job, _) => job.actor.as_str()))
    .bind(column!(keys, (_, _, (key, _)) => key.key.as_str()))
    .bind(column!(keys, (_, _, (key, _)) => key.request_digest.as_slice()))
    .bind(column!(keys, (_, _, (_, answer)) => answer.as_str()))
    .bind(ends(batch))
    .bind(column!(data_keys, (command, _, _) => command))
    .bind(column!(data_keys, (_, _, key) => key.drawer.tenant.value()))
    .bind(column!(data_keys, (_, _, key) => key.drawer.subject.value()))
    .bind(column!(data_keys, (_, _, key) => purpose(key.drawer.purpose)))
    .bind(column!(data_keys, (_, _, key) => key.wrapped.as_slice()))
    .bind(column!(sealed, (command, _, _) => command))
    .bind(column!(sealed, (_, _, datum) => datum.drawer.tenant.value()))
    .bind(column!(sealed, (_, _, datum) => datum.drawer.subject.value()))
    .bind(column!(sealed, (_, _, datum) => purpose(datum.drawer.purpose)))
    .bind(column!(sealed, (_, _, datum) => datum.hash.as_slice()))
    .bind(column!(sealed, (_, _, datum) => datum.ciphertext.as_slice()))
    .bind(column!(erased, (command, _, _) => command))
    .bind(column!(erased, (_, _, drawer) => drawer.tenant.value()))
    .bind(column!(erased, (_, _, drawer) => drawer.subject.value()))
    .bind(column!(erased, (_, _, drawer) => purpose(drawer.purpose)))
    .fetch_all(connection)
    .await?;
    Ok(Outcomes::of(rows))
}
