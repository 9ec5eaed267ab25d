//! Exporting: writes a bundle from the database, file by file. What is there already is not written
//! again, so that an export that was broken off, or one of a log that has grown, goes on.

use std::io::Write;

use domain::moment::Moment;
use sqlx::PgPool;
use thiserror::Error;
use time::OffsetDateTime;

use super::bundle::{BLOCK, Bundle, BundleError, Contents, FORMAT, Line, Scope, blocks, tiles};
use super::checkpoint::{Checkpoint, CheckpointError};
use super::extend::signed_number;
use super::read::{Ledger, LedgerError};
use super::tile::{Asked, WIDTH};

/// Events read at once.
const PAGE: u64 = 4_096;

#[derive(Debug, Error)]
pub enum ExportError {
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("no head of the log is signed yet")]
    Empty,
    #[error("the folder holds a bundle of something else")]
    Another,
    #[error("a line cannot be written: {0}")]
    Line(#[from] serde_json::Error),
}

/// A log to be exported.
#[derive(Clone)]
pub struct Export {
    pool: PgPool,
    ledger: Ledger,
}

/// How far an export is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub positions: u64,
    pub of: u64,
    pub events: u64,
}

impl Export {
    pub fn new(pool: PgPool) -> Self {
        let ledger = Ledger::new(pool.clone());
        Self { pool, ledger }
    }

    /// Writes the bundle up to the last signed head, or the last one a witness signed. `tell` hears
    /// how far it is.
    pub async fn write(
        &self,
        bundle: &Bundle,
        scope: &Scope,
        witnessed: bool,
        mut tell: impl FnMut(Progress),
    ) -> Result<Contents, ExportError> {
        let head = self.ledger.head(witnessed).await?.ok_or(ExportError::Empty)?;
        let Checkpoint { origin, size, .. } = Checkpoint::parse(&head.note.text)?;
        if bundle.contents_file().exists() {
            let there = bundle.contents()?;
            if there.origin != origin || there.scope != *scope {
                return Err(ExportError::Another);
            }
        }
        let mut events = 0;
        // First, so that what is broken off here is never gone on with as something else.

        let mut contents =
            Contents { format: FORMAT.to_owned(), origin, size, scope: scope.clone(), events };
        let page = serde_json::to_vec_pretty(&contents)?;
        bundle.write(&bundle.contents_file(), &page)?;
        for (block, width) in blocks(size) {
            events += self.write_block(bundle, scope, (block, width)).await?;
            tell(Progress { positions: block * BLOCK + width, of: size, events });
        }
        self.write_tiles(bundle, scope, size).await?;
        bundle.write(&bundle.checkpoint_file(), head.note.to_string().as_bytes())?;
        bundle.write(&bundle.folder().join("README.txt"), README.as_bytes())?;
        contents.events = events;
        let page = serde_json::to_vec_pretty(&contents)?;
        bundle.write(&bundle.contents_file(), &page)?;
        Ok(contents)
    }

    async fn write_block(
        &self,
        bundle: &Bundle,
        scope: &Scope,
        (block, width): (u64, u64),
    ) -> Result<u64, ExportError> {
        let file = bundle.events_file(block, width);
        if file.exists() {
            let lines = bundle.read(&file)?;
            return Ok(lines.iter().filter(|byte| **byte == b'\n').count() as u64);
        }
        let (first, end) = (block * BLOCK, block * BLOCK + width);
        let (first, end) = match scope {
            Scope::Range { from, to } => (first.max(*from), end.min(*to)),
            _ => (first, end),
        };
        let (mut lines, mut count, mut from) = (Vec::new(), 0, first);
        while from < end {
            let to = end.min(from + PAGE);
            for line in self.lines(scope, from, to).await? {
                serde_json::to_writer(&mut lines, &line)?;
                // Into memory: it does not fail.
                let _ = lines.write_all(b"\n");
                count += 1;
            }
            from = to;
        }
        bundle.write(&file, &lines)?;
        Ok(count)
    }

    async fn lines(&self, scope: &Scope, from: u64, to: u64) -> Result<Vec<Line>, ExportError> {
        let (tenant, stream) = match scope {
            Scope::Log | Scope::Range { .. } => (None, None),
            Scope::Tenant { tenant } => (Some(tenant.value()), None),
            Scope::Stream { aggregate_type, aggregate_id } => {
                (None, Some((aggregate_type.as_str(), aggregate_id.as_str())))
            }
        };
        let rows: Vec<(i64, i64, OffsetDateTime, String)> = sqlx::query_as(
            "select position, tenant_position, recorded_at, envelope from eventstore.events
             where position >= $1 and position < $2 and ($3::bigint is null or tenant = $3)
                 and ($4::text is null or (aggregate_type = $4 and aggregate_id = $5))
             order by position",
        )
        .bind(signed_number(from))
        .bind(signed_number(to))
        .bind(tenant)
        .bind(stream.map(|(aggregate_type, _)| aggregate_type))
        .bind(stream.map(|(_, aggregate_id)| aggregate_id))
        .fetch_all(&self.pool)
        .await?;
        let line = |(position, tenant_position, at, envelope): (i64, _, OffsetDateTime, _)| Line {
            position: u64::try_from(position).unwrap_or_default(),
            tenant_position,
            recorded_at: moment(at).to_string(),
            envelope,
        };
        Ok(rows.into_iter().map(line).collect())
    }

    async fn write_tiles(
        &self,
        bundle: &Bundle,
        scope: &Scope,
        size: u64,
    ) -> Result<(), ExportError> {
        for tile in tiles(size) {
            self.write_tile(bundle, tile).await?;
            // The entries of the whole log, for tools that begin with them.
            if *scope == Scope::Log && tile.level == Some(0) {
                self.write_tile(bundle, Asked { level: None, ..tile }).await?;
            }
        }
        Ok(())
    }

    async fn write_tile(&self, bundle: &Bundle, tile: Asked) -> Result<(), ExportError> {
        let file = bundle.tile_file(tile);
        if file.exists() && tile.width == WIDTH {
            return Ok(());
        }
        let broken = LedgerError::Broken(tile.needs().unwrap_or(u64::MAX));
        let bytes = self.ledger.tile(tile).await?.ok_or(broken)?;
        Ok(bundle.write(&file, &bytes)?)
    }
}

fn moment(at: OffsetDateTime) -> Moment {
    let unix_ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
    Moment::from_unix_ms(i64::try_from(unix_ms).unwrap_or_default())
}

const README: &str = "\
A bundle of a CaskChain log, to be checked by whoever trusts nobody.

bundle.json   what is in it
checkpoint    the signed head: a C2SP signed note (Ed25519); `<name>, <entries>, <root>`
tile/         the Merkle tree (RFC 6962) as C2SP tlog-tiles; in bundles of a whole log also its
              entries. Tools for such logs read this folder as it is.
events/       one event a line: JSON with position, tenantPosition, recordedAt and the envelope, which
              is the stored text itself

The entry of an event is 68 bytes: \"caskev1\" and a zero byte, flags (u32, zero), tenant (u64),
tenantPosition (u64), recordedAt in milliseconds since 1970 (i64), all big-endian, and the SHA-256 of
the envelope's bytes. Its hash in the tree is SHA-256 over a zero byte and the entry.

    caskchain audit verify <this folder> --key <the log's verifier key, from a place of your own>
";
