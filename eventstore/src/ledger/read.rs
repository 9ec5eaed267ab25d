//! Reading the ledger: signed heads, tiles and entries as they are served, and proofs.

use std::collections::HashMap;

use sqlx::PgPool;
use thiserror::Error;

use super::extend::signed_number;
use super::hash::{self, Hash};
use super::leaf;
use super::note::{Note, NoteError, Signature};
use super::proof::{self, Stretch};
use super::receipt::Receipt;
use super::tile::{self, Asked, Tile, WIDTH};
use super::tree::Edge;

/// What is kept of the tree in the database.
#[derive(Clone)]
pub struct Ledger {
    pool: PgPool,
}

#[derive(Debug, Error)]
pub enum LedgerError {
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("tiles of the tree of {0} entries are missing or broken")]
    Broken(u64),
    #[error("a signed head is broken: {0}")]
    Note(#[from] NoteError),
}

/// A signed head with how many entries it has.
#[derive(Clone, Debug)]
pub struct Head {
    pub size: u64,
    pub note: Note,
}

/// Of the signed heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Newest,
    /// The newest that was signed before this second began: whoever asks within a second means the same.
    OfLastSecond,
    /// Of those that witnesses signed within some seconds, the newest with the most of them.
    Witnessed,
}

impl Which {
    const fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::OfLastSecond => "of_last_second",
            Self::Witnessed => "witnessed",
        }
    }
}

/// So many of the last signatures are looked at, as many as come within these seconds.
const AMONG: i64 = 32;

impl Ledger {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// How many entries the last signed head has; 0 if there is none.
    pub async fn signed_size(&self) -> Result<u64, LedgerError> {
        let (size,): (Option<i64>,) =
            sqlx::query_as("select max(size) from eventstore.checkpoints")
                .fetch_one(&self.pool)
                .await?;
        Ok(unsigned(size.unwrap_or(0)))
    }

    /// The position the next event of the log will have.
    pub async fn next_position(&self) -> Result<u64, LedgerError> {
        let (next,): (i64,) = sqlx::query_as("select next_position from eventstore.log")
            .fetch_one(&self.pool)
            .await?;
        Ok(unsigned(next))
    }

    /// A signed head, with what witnesses signed of it.
    pub async fn head(&self, which: Which) -> Result<Option<Head>, LedgerError> {
        let row: Option<(i64, String, Vec<String>)> = sqlx::query_as(
            "select c.size, c.note, array(
                 select s.line from eventstore.cosignatures s
                 where s.size = c.size order by s.witness
             )
             from eventstore.checkpoints c
             where c.size = case $1
                 when 'newest' then (select max(size) from eventstore.checkpoints)
                 when 'of_last_second' then (
                     select max(size) from eventstore.checkpoints
                     where signed_at < date_trunc('second', clock_timestamp())
                 )
                 else (
                     select size from (
                         select size, count(*) as witnesses
                         from (
                             select size from eventstore.cosignatures order by size desc limit $2
                         ) signed
                         join eventstore.checkpoints w using (size)
                         -- A name that ended in a restore is nobody's any more.
                         where split_part(w.note, chr(10), 1) = (
                             select split_part(n.note, chr(10), 1) from eventstore.checkpoints n
                             order by n.size desc limit 1
                         )
                         and w.signed_at > (
                             select n.signed_at - interval '10 seconds'
                             from eventstore.checkpoints n
                             where n.size = (select max(size) from eventstore.cosignatures)
                         )
                         group by size
                     ) last
                     order by witnesses desc, size desc limit 1
                 )
             end",
        )
        .bind(which.word())
        .bind(AMONG)
        .fetch_optional(&self.pool)
        .await?;
        let Some((size, note, lines)) = row else {
            return Ok(None);
        };
        let mut note = Note::parse(&note)?;
        for line in lines {
            note.add(Signature::parse(&line)?);
        }
        Ok(Some(Head { size: unsigned(size), note }))
    }

    /// Keeps what a witness signed of a head.
    pub async fn keep_cosignature(
        &self,
        size: u64,
        cosignature: &Signature,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "insert into eventstore.cosignatures (size, witness, line) values ($1, $2, $3)
             on conflict (size, witness) do nothing",
        )
        .bind(signed_number(size))
        .bind(&cosignature.name)
        .bind(cosignature.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A tile as it is served; none where the last signed head does not go so far.
    pub async fn tile(&self, asked: Asked) -> Result<Option<Vec<u8>>, LedgerError> {
        let size = self.signed_size().await?;
        if asked.needs().is_none_or(|needed| needed > size) {
            return Ok(None);
        }
        match asked.level {
            None => self.entries(asked).await.map(Some),
            Some(level) => {
                let tile = Tile { level, number: asked.number };
                let tiles = self.tiles([tile].into_iter()).await?;
                let hashes = tiles.get(&tile).and_then(|hashes| hashes.get(..asked.width));
                hashes.map(|hashes| Some(tile::bytes(hashes))).ok_or(LedgerError::Broken(size))
            }
        }
    }

    /// Tiles of hashes, as far as they are asked for.
    pub(super) async fn hash_tiles(&self, asked: &[Asked]) -> Result<Vec<Vec<u8>>, LedgerError> {
        let tile = |asked: &Asked| Some(Tile { level: asked.level?, number: asked.number });
        let tiles = self.tiles(asked.iter().filter_map(tile)).await?;
        let bytes = |asked: &Asked| {
            let hashes = tile(asked).and_then(|tile| tiles.get(&tile));
            let hashes = hashes.and_then(|hashes| hashes.get(..asked.width));
            let broken = || LedgerError::Broken(asked.needs().unwrap_or(u64::MAX));
            hashes.map(tile::bytes).ok_or_else(broken)
        };
        asked.iter().map(bytes).collect()
    }

    /// Entries, each after its length in two bytes.
    async fn entries(&self, asked: Asked) -> Result<Vec<u8>, LedgerError> {
        let from = signed_number(asked.number).saturating_mul(WIDTH as i64);
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
            "select leaf from eventstore.events where position >= $1 and position < $2
             order by position",
        )
        .bind(from)
        .bind(from.saturating_add(signed_number(asked.width as u64)))
        .fetch_all(&self.pool)
        .await?;
        let mut entries = Vec::with_capacity(rows.len() * (leaf::LENGTH + 2));
        for (leaf,) in rows {
            entries.extend(u16::try_from(leaf.len()).unwrap_or(u16::MAX).to_be_bytes());
            entries.extend(leaf);
        }
        Ok(entries)
    }

    /// What shows that the entry at `index` is in the tree of `size`, which was signed.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        self.hashes(&proof::inclusion(index, size), size).await
    }

    /// Entries, each with what shows that it is in the tree of `size`.
    pub async fn included(
        &self,
        indices: &[u64],
        size: u64,
    ) -> Result<Vec<(Vec<u8>, Vec<Hash>)>, LedgerError> {
        let paths: Vec<_> = indices.iter().map(|index| proof::inclusion(*index, size)).collect();
        let stretches = paths.concat();
        let tiles = self.tiles(proof::tiles(&stretches).into_iter()).await?;
        let positions: Vec<i64> = indices.iter().copied().map(signed_number).collect();
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select position, leaf from eventstore.events where position = any($1)")
                .bind(&positions)
                .fetch_all(&self.pool)
                .await?;
        let entries: HashMap<i64, Vec<u8>> = rows.into_iter().collect();
        let proven = |(position, path): (&i64, &Vec<Stretch>)| {
            Some((entries.get(position)?.clone(), proof::hashes(path, &tiles)?))
        };
        let all = positions.iter().zip(&paths).map(proven).collect::<Option<_>>();
        all.ok_or(LedgerError::Broken(size))
    }

    /// What shows that the tree of `new` entries continues the one of `old`.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
        self.hashes(&proof::consistency(old, new), new).await
    }

    /// The receipt of an event, in the tree of this head.
    pub async fn receipt(&self, index: u64, head: Head) -> Result<Option<Receipt>, LedgerError> {
        if index >= head.size {
            return Ok(None);
        }
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("select leaf from eventstore.events where position = $1")
                .bind(signed_number(index))
                .fetch_optional(&self.pool)
                .await?;
        let (entry,) = row.ok_or(LedgerError::Broken(head.size))?;
        let path = self.inclusion(index, head.size).await?;
        Ok(Some(Receipt { entry, index, path, note: head.note }))
    }

    /// Root of the tree of this size, which was signed or is smaller than one that was.
    pub async fn root(&self, size: u64) -> Result<Hash, LedgerError> {
        Ok(self.edge_of(size).await?.root())
    }

    /// The right edge of the tree over the first `size` events, also where the tree was not extended to
    /// them yet.
    pub async fn edge_over(&self, size: u64) -> Result<Edge, LedgerError> {
        let kept = self.edge().await?;
        let mut edge = if kept.size() <= size { kept } else { self.edge_of(size).await? };
        while edge.size() < size {
            let leaves: Vec<(Vec<u8>,)> = sqlx::query_as(
                "select leaf from eventstore.events where position >= $1 and position < $2
                 order by position limit 16384",
            )
            .bind(signed_number(edge.size()))
            .bind(signed_number(size))
            .fetch_all(&self.pool)
            .await?;
            if leaves.is_empty() {
                return Err(LedgerError::Broken(size));
            }
            leaves.iter().for_each(|(leaf,)| edge.push(hash::leaf(leaf), |_, _| {}));
        }
        Ok(edge)
    }

    /// The right edge of the tree as far as it was kept.
    pub(super) async fn edge(&self) -> Result<Edge, LedgerError> {
        let (size,): (i64,) =
            sqlx::query_as("select size from eventstore.ledger").fetch_one(&self.pool).await?;
        self.edge_of(unsigned(size)).await
    }

    async fn edge_of(&self, size: u64) -> Result<Edge, LedgerError> {
        let open = Edge::open_at(size).filter(|(_, (_, width))| *width > 0);
        let open = open.map(|(level, (number, _))| Tile { level, number });
        let tiles = self.tiles(open).await?;
        Edge::of(size, |tile| tiles.get(&tile).cloned()).ok_or(LedgerError::Broken(size))
    }

    async fn hashes(&self, stretches: &[Stretch], size: u64) -> Result<Vec<Hash>, LedgerError> {
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let tiles = self.tiles(proof::tiles(stretches).into_iter()).await?;
        proof::hashes(stretches, &tiles).ok_or(LedgerError::Broken(size))
    }

    async fn tiles(
        &self,
        tiles: impl Iterator<Item = Tile>,
    ) -> Result<HashMap<Tile, Vec<Hash>>, LedgerError> {
        let (levels, numbers): (Vec<i16>, Vec<i64>) =
            tiles.map(|tile| (i16::from(tile.level), signed_number(tile.number))).unzip();
        let rows: Vec<(i16, i64, Vec<u8>)> = sqlx::query_as(
            "select t.level, t.number, t.hashes
             from unnest($1::smallint[], $2::bigint[]) as asked (level, number)
             join eventstore.ledger_tiles t using (level, number)",
        )
        .bind(levels)
        .bind(numbers)
        .fetch_all(&self.pool)
        .await?;
        let of_row = |(level, number, bytes): (i16, i64, Vec<u8>)| {
            let level = u8::try_from(level).unwrap_or(u8::MAX);
            let hashes = tile::hashes(&bytes)?;
            Some((Tile { level, number: unsigned(number) }, hashes))
        };
        Ok(rows.into_iter().filter_map(of_row).collect())
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
