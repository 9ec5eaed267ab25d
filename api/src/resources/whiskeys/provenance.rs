//! Where a cask comes from, for everybody: what it is, and that the log has what happened to it.

use domain::violation::Violation;
use eventstore::journal::Journal;
use eventstore::ledger::read::Ledger;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::whiskey_history::HappenedRow;
use projections::whiskeys::WhiskeyRow;
use projections::{PastError, Readers};

use super::history::after;
use super::whiskey_id;
use crate::http::envelope::{Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::proofs::Proofs;
use crate::http::reading::page;
use crate::resources::{Tag, written};

pub struct Provenance {
    pub readers: Readers,
    pub journal: Journal,
    pub ledger: Ledger,
}

/// Everybody may ask, and proofs cost more than rows.
const MOST: u32 = 20;

/// A cask as everybody may know it: neither whose it is, nor where it lies or what it is worth.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct WhiskeyProvenance {
    id: String,
    status: String,
    name: String,
    brand: Option<String>,
    distillery: String,
    region: Option<String>,
    category: String,
    age: Option<u8>,
    vintage: Option<u16>,
    cask_number: String,
    cask_type: String,
    fill_date: Option<String>,
    /// The chain its token is on.
    network: Option<String>,
    /// A signed head of the log (C2SP tlog-checkpoint), which the paths lead to; null before the first.
    checkpoint: Option<String>,
    /// Oldest first.
    events: Vec<ProvenEvent>,
}

/// That something happened to it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ProvenEvent {
    position: String,
    #[oai(rename = "type")]
    event_type: String,
    at: String,
    /// The log's entry, in base64: with the SHA-256 of the event, which the cask's owner can show
    /// (`/ledger/receipts/{position}/event`; `docs/ledger.md`). Null until a head covers it, some 200 ms.
    entry: Option<String>,
    /// From the entry to the head's root: RFC 6962, section 2.1.1, in base64.
    path: Option<Vec<String>>,
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Provenance {
    /// Where a cask comes from, and the proof of what happened to it
    ///
    /// For everybody, once the cask was approved. Page on with `cursor`, the `nextCursor` of the page
    /// before.
    #[oai(path = "/whiskeys/:id/provenance", method = "get", operation_id = "whiskey_provenance")]
    async fn whiskey_provenance(
        &self,
        id: Path<String>,
        cursor: Query<Option<String>>,
        /// At most 20, which it is if left out: each wants proofs.
        limit: Query<Option<String>>,
    ) -> Result<Found<WhiskeyProvenance>, Problem> {
        let id = whiskey_id(&id.0)?;
        let (size, after) = (page(None, limit.0)?.size, after(cursor.0)?);
        if size > MOST {
            let range = Violation::OutOfRange("1".to_owned(), MOST.to_string());
            return Err(Problem::invalid_field("limit", range));
        }
        let absent = || Problem::new(ErrorCode::WhiskeyNotFound);
        let tenant = self.journal.tenant_of("whiskey", &id.to_string()).await;
        let tenant = tenant.map_err(PastError::from)?.ok_or_else(absent)?;
        let row = self.readers.whiskey(tenant, id).await?.ok_or_else(absent)?;
        if !self.readers.whiskey_was_approved(tenant, id).await? {
            return Err(absent());
        }
        let mut rows = self.readers.whiskey_history(tenant, id, after, size + 1).await?;
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| more).map(|row| row.position.to_string());
        let pagination = Pagination::by_cursor(size, row.sequence, next);
        Ok(Found::new(self.proven(row, rows).await?).paged(pagination))
    }

    async fn proven(
        &self,
        row: WhiskeyRow,
        rows: Vec<HappenedRow>,
    ) -> Result<WhiskeyProvenance, Problem> {
        let positions: Vec<i64> = rows.iter().map(|row| row.position).collect();
        let proofs = Proofs::of(&self.ledger, &positions).await?;
        let events = rows.into_iter().zip(proofs.events).map(|(row, proven)| ProvenEvent {
            position: proven.position,
            event_type: row.event_type,
            at: written(row.at),
            entry: proven.entry,
            path: proven.path,
        });
        let (events, details) = (events.collect(), row.details.0);
        Ok(WhiskeyProvenance {
            id: row.whiskey_id.to_string(),
            status: row.status,
            name: details.name,
            brand: details.brand,
            distillery: details.distillery,
            region: details.region,
            category: details.category.word().to_owned(),
            age: details.age,
            vintage: details.vintage,
            cask_number: details.cask_number,
            cask_type: details.cask_type.word().to_owned(),
            fill_date: details.fill_date.map(|date| date.to_string()),
            network: row.network,
            checkpoint: proofs.checkpoint,
            events,
        })
    }
}
