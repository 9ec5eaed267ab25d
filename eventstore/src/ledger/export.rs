//! Exporting: writes a bundle from the database, file by file. What is there already is not written
//! again, so that an export that was broken off, or one of a log that has grown, goes on.

use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;

use domain::id::TenantId;
use domain::moment::Moment;
use sqlx::PgPool;
use thiserror::Error;
use time::OffsetDateTime;

use super::bundle::{BLOCK, Bundle, BundleError, Contents, FORMAT, Line, Scope, blocks, tiles};
use super::checkpoint::{Checkpoint, CheckpointError};
use super::extend::signed_number;
use super::read::{Ledger, LedgerError, Which};
use super::tile::{Asked, WIDTH};

/// Events read at once.
const PAGE: u64 = 4_096;
/// Tiles read at once: 2 MiB.
const TILES: usize = 256;
/// A tenant's events are counted from here.
const FIRST_OF_TENANT: i64 = 0;

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
        let which = if witnessed { Which::Witnessed } else { Which::Newest };
        let head = self.ledger.head(which).await?.ok_or(ExportError::Empty)?;
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
        let mut of_tenant = match scope {
            Scope::Tenant { tenant } => Some(OfTenant::new(*tenant)),
            Scope::Log | Scope::Range { .. } | Scope::Stream { .. } => None,
        };
        for (block, width) in blocks(size) {
            let file = bundle.events_file(block, width);
            events += match &mut of_tenant {
                _ if file.exists() => {
                    let there = lines_in(&bundle.read(&file)?);
                    of_tenant.iter_mut().for_each(|of_tenant| of_tenant.skip(there));
                    there
                }
                Some(of_tenant) => {
                    let end = block * BLOCK + width;
                    let lines = of_tenant.before(&self.pool, end).await?;
                    write_lines(bundle, &file, &lines)?
                }
                None => self.write_block(bundle, scope, (block, width)).await?,
            };
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
        let (first, end) = (block * BLOCK, block * BLOCK + width);
        let (first, end) = match scope {
            Scope::Range { from, to } => (first.max(*from), end.min(*to)),
            _ => (first, end),
        };
        let (mut lines, mut from) = (Vec::new(), first);
        while from < end {
            let to = end.min(from + PAGE);
            lines.extend(self.lines(scope, from, to).await?);
            from = to;
        }
        write_lines(bundle, &bundle.events_file(block, width), &lines)
    }

    async fn lines(&self, scope: &Scope, from: u64, to: u64) -> Result<Vec<Line>, ExportError> {
        let stream = match scope {
            Scope::Log | Scope::Range { .. } | Scope::Tenant { .. } => None,
            Scope::Stream { aggregate_type, aggregate_id } => {
                Some((aggregate_type.as_str(), aggregate_id.as_str()))
            }
        };
        let rows: Vec<Row> = sqlx::query_as(
            "select position, tenant_position, recorded_at, envelope from eventstore.events
             where position >= $1 and position < $2
                 and ($3::text is null or (aggregate_type = $3 and aggregate_id = $4))
             order by position",
        )
        .bind(signed_number(from))
        .bind(signed_number(to))
        .bind(stream.map(|(aggregate_type, _)| aggregate_type))
        .bind(stream.map(|(_, aggregate_id)| aggregate_id))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(line).collect())
    }

    async fn write_tiles(
        &self,
        bundle: &Bundle,
        scope: &Scope,
        size: u64,
    ) -> Result<(), ExportError> {
        let is_missing = |tile: &Asked| tile.width < WIDTH || !bundle.tile_file(*tile).exists();
        let missing: Vec<Asked> = tiles(size).filter(is_missing).collect();
        for some in missing.chunks(TILES) {
            for (tile, bytes) in some.iter().zip(self.ledger.hash_tiles(some).await?) {
                bundle.write(&bundle.tile_file(*tile), &bytes)?;
            }
        }
        // The entries of the whole log, for tools that begin with them.
        if *scope == Scope::Log {
            let of_level_0 = tiles(size).filter(|tile| tile.level == Some(0));
            let entries = of_level_0.map(|tile| Asked { level: None, ..tile });
            for tile in entries.filter(is_missing) {
                let broken = LedgerError::Broken(size);
                let bytes = self.ledger.tile(tile).await?.ok_or(broken)?;
                bundle.write(&bundle.tile_file(tile), &bytes)?;
            }
        }
        Ok(())
    }
}

/// What is read of an event.
type Row = (i64, i64, OffsetDateTime, String);

fn line((position, tenant_position, at, envelope): Row) -> Line {
    Line {
        position: u64::try_from(position).unwrap_or_default(),
        tenant_position,
        recorded_at: moment(at).to_string(),
        envelope,
    }
}

/// Says how many there are.
fn write_lines(bundle: &Bundle, file: &Path, lines: &[Line]) -> Result<u64, ExportError> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line)?;
        // Into memory: it does not fail.
        let _ = bytes.write_all(b"\n");
    }
    bundle.write(file, &bytes)?;
    Ok(lines.len() as u64)
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// A tenant's events in their order, found by their own positions: others' are not looked at.
struct OfTenant {
    tenant: TenantId,
    next: i64,
    read: VecDeque<Line>,
}

impl OfTenant {
    const fn new(tenant: TenantId) -> Self {
        Self { tenant, next: FIRST_OF_TENANT, read: VecDeque::new() }
    }

    /// These are in the bundle already.
    fn skip(&mut self, lines: u64) {
        let known = self.read.len().min(usize::try_from(lines).unwrap_or(usize::MAX));
        self.read.drain(..known);
        self.next += i64::try_from(lines - known as u64).unwrap_or_default();
    }

    /// The next ones before a position of the log.
    async fn before(&mut self, pool: &PgPool, end: u64) -> Result<Vec<Line>, sqlx::Error> {
        let mut lines = Vec::new();
        loop {
            while let Some(line) = self.read.pop_front_if(|line| line.position < end) {
                lines.push(line);
            }
            if !self.read.is_empty() {
                return Ok(lines);
            }
            let rows: Vec<Row> = sqlx::query_as(
                "select position, tenant_position, recorded_at, envelope from eventstore.events
                 where tenant = $1 and tenant_position >= $2 order by tenant_position limit $3",
            )
            .bind(self.tenant.value())
            .bind(self.next)
            .bind(signed_number(PAGE))
            .fetch_all(pool)
            .await?;
            let Some((_, last, _, _)) = rows.last() else { return Ok(lines) };
            self.next = last + 1;
            self.read.extend(rows.into_iter().map(line));
        }
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
