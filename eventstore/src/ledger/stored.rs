//! What a database has of a log, made of the stored events themselves: their leaves, tiles and heads are not
//! believed.

use domain::id::TenantId;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::extend::signed_number;
use super::hash::{self, Hash};
use super::leaf;
use super::tree::Edge;
use crate::journal::moment_of;
use crate::recorded::Place;

const AT_ONCE: u64 = 8_192;

/// The root of the first `size` events; none if there are not so many.
pub async fn root(pool: &PgPool, size: u64) -> Result<Option<Hash>, sqlx::Error> {
    let mut edge = Edge::default();
    while edge.size() < size {
        let from = edge.size();
        let events: Vec<(i64, i64, i64, OffsetDateTime, String)> = sqlx::query_as(
            "select position, tenant, tenant_position, recorded_at, envelope
             from eventstore.events where position >= $1 and position < $2 order by position",
        )
        .bind(signed_number(from))
        .bind(signed_number(size.min(from + AT_ONCE)))
        .fetch_all(pool)
        .await?;
        for (position, tenant, tenant_position, time, envelope) in events {
            if position != signed_number(edge.size()) {
                return Ok(None);
            }
            let recorded_at = moment_of(time);
            let place = Place { position, tenant_position, recorded_at };
            let leaf = leaf::of(TenantId::new(tenant), &place, &envelope);
            edge.push(hash::leaf(&leaf), |_, _| {});
        }
        if edge.size() == from {
            return Ok(None);
        }
    }
    Ok(Some(edge.root()))
}
