//! Counters that are exact over all processes: how often something happened within a span.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

use crate::connections::Connections;

#[derive(Clone)]
pub struct Limits {
    log: Connections,
}

/// So many within any span of this length.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub allowed: u32,
    pub span: Duration,
}

/// What became of a request to take one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub taken: bool,
    pub remaining: u32,
    /// Until one more is free.
    pub frees_in: Duration,
    /// How long the key is blocked, if it is.
    pub blocked_for: Option<Duration>,
}

type Row = (bool, i32, OffsetDateTime, Option<OffsetDateTime>, OffsetDateTime);

impl Limits {
    pub fn new(log: Connections) -> Self {
        Self { log }
    }

    /// Takes one of the quota, if there is one left.
    pub async fn take(&self, key: &[u8], quota: Quota) -> Result<Taken, sqlx::Error> {
        let question = sqlx::query_as(
            "select taken, remaining, frees_at, blocked_until, clock_timestamp()
             from eventstore.take($1, $2, $3)",
        )
        .bind(key)
        .bind(i32::try_from(quota.allowed).unwrap_or(i32::MAX))
        .bind(interval(quota.span));
        let (taken, remaining, frees_at, blocked_until, now): Row = self.log.one(question).await?;
        let from_now = |at: OffsetDateTime| Duration::try_from(at - now).unwrap_or_default();
        Ok(Taken {
            taken,
            remaining: u32::try_from(remaining).unwrap_or_default(),
            frees_in: from_now(frees_at),
            blocked_for: blocked_until.map(from_now),
        })
    }

    /// Counts a failure. The last one that is allowed blocks another key for a span.
    pub async fn strike(&self, key: &[u8], blocks: &[u8], quota: Quota) -> Result<(), sqlx::Error> {
        sqlx::query("select eventstore.strike($1, $2, $3, $4)")
            .bind(key)
            .bind(blocks)
            .bind(i32::try_from(quota.allowed).unwrap_or(i32::MAX))
            .bind(interval(quota.span))
            .execute(self.log.pool())
            .await?;
        Ok(())
    }
}

fn interval(span: Duration) -> PgInterval {
    let microseconds = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}
