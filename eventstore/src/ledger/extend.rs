//! Extending the tree: one task takes the leaves that were written since, in batches beside the
//! appends, keeps the tiles, and has the new head signed.
//!
//! Positions are final when they are seen, so the tree over them is, too: whatever is lost here is
//! made again, the same. Only a signature cannot be taken back, and the signer sees to that.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::checkpoint::Checkpoint;
use super::hash::{self, Hash};
use super::keeper::{Keeper, KeeperError};
use super::key::SigningKey;
use super::leaf;
use super::note::{Note, Signature};
use super::read::{Ledger, LedgerError};
use super::tile::{self, Tile};
use super::tree::Edge;
use crate::leading::Leading;

/// Leaves taken at once.
const BATCH: i64 = 16_384;
/// So long after one head was signed comes the next, while there is something new.
const TICK: Duration = Duration::from_millis(150);
/// How long to wait before looking whether another process has appended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The database itself gives up a little sooner.
const PATIENCE: Duration = Duration::from_secs(12);
/// Names the advisory lock of the one tree.
const LOCK: i64 = 0x6361_736b_6c65_6401;

#[derive(Debug, Error)]
pub enum ExtendError {
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("another process extends the tree")]
    Fenced,
    #[error("at position {0} there is no leaf, or another one")]
    Leaf(u64),
    #[error("no head is signed: {0}; was the database restored from an older backup?")]
    Refused(#[from] KeeperError),
    #[error("the signer does not answer")]
    Away,
    #[error("the database does not answer in time")]
    Late,
}

/// Signs heads that continue those it signed before.
pub struct Signer {
    pub key: SigningKey,
    /// Signs as well, for those who do not know the new one yet.
    pub former: Option<SigningKey>,
    pub keeper: Keeper,
}

impl Signer {
    pub fn origin(&self) -> &str {
        &self.key.public().name
    }

    fn sign(&self, head: &Checkpoint, proof: &[Hash]) -> Result<Note, KeeperError> {
        self.keeper.advance(head, proof)?;
        let text = head.to_string();
        let keys = [Some(&self.key), self.former.as_ref()].into_iter().flatten();
        let signatures = keys.map(|key| Signature::of(&text, key)).collect();
        Ok(Note::new(text, signatures))
    }
}

pub struct Extender {
    pub pool: PgPool,
    pub signer: Arc<Signer>,
    /// What this process appended last; wakes the task at once.
    pub head: watch::Receiver<i64>,
    /// How many entries the last signed head has, for whoever wants to know.
    pub signed: watch::Sender<u64>,
}

impl Extender {
    /// Extends until stopped. Every failure ends a session; the next begins at what was kept.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let session = tokio::select! {
                () = stop.cancelled() => return,
                session = self.session(&stop) => session,
            };
            match session {
                Ok(()) => {}
                Err(error @ (ExtendError::Refused(_) | ExtendError::Leaf(_))) => {
                    tracing::error!(%error, "ALARM the ledger stands still");
                }
                Err(error) => tracing::warn!(%error, "the ledger pauses"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
    }

    async fn session(&mut self, stop: &CancellationToken) -> Result<(), ExtendError> {
        let begun = in_time(async { Ok(Leading::try_begin(&self.pool, LOCK).await?) });
        let Some(mut leading) = begun.await? else {
            return Ok(());
        };
        let outcome = self.extend_until(leading.connection(), stop).await;
        leading.end().await;
        outcome
    }

    async fn extend_until(
        &mut self,
        log: &mut PgConnection,
        stop: &CancellationToken,
    ) -> Result<(), ExtendError> {
        // What is kept here can be made again, and is not waited for on the disk.
        let unhurried = sqlx::query("set synchronous_commit = off").execute(&mut *log);
        in_time(async { Ok(unhurried.await?) }).await?;
        let ledger = Ledger::new(self.pool.clone());
        let mut edge = in_time(async { Ok(ledger.edge().await?) }).await?;
        let mut signed = in_time(async { Ok(ledger.signed_size().await?) }).await?;
        tracing::info!(size = edge.size(), signed, "the ledger is extended");
        while !stop.is_cancelled() {
            let began = Instant::now();
            while in_time(take_batch(log, &mut edge)).await? {}
            if edge.size() > signed {
                self.have_signed(log, &ledger, &edge).await?;
                signed = edge.size();
            }
            self.signed.send_replace(signed);
            self.wait_for_more(edge.size(), stop).await;
            tokio::time::sleep_until(began + TICK).await;
        }
        Ok(())
    }

    /// Has the head of the tree signed, with the proof that it continues the one before.
    async fn have_signed(
        &self,
        log: &mut PgConnection,
        ledger: &Ledger,
        edge: &Edge,
    ) -> Result<(), ExtendError> {
        let origin = self.signer.origin().to_owned();
        let head = Checkpoint { origin, size: edge.size(), root: edge.root() };
        let last = self.at_the_signer(|signer| signer.keeper.last()).await?;
        let last = last.map_or(0, |last| last.size);
        // What is ahead of the tree cannot be continued by it; the signer will say so.
        let proof = ledger.consistency(last.min(head.size), head.size);
        let proof = in_time(async { Ok(proof.await?) }).await?;
        let note = self.at_the_signer(move |signer| signer.sign(&head, &proof)).await?;
        let kept = sqlx::query(
            "insert into eventstore.checkpoints (size, note) values ($1, $2)
             on conflict (size) do nothing",
        )
        .bind(signed_number(edge.size()))
        .bind(note.to_string())
        .execute(log);
        in_time(async { Ok(kept.await.map(drop)?) }).await
    }

    /// Its file is waited for on a thread of its own, and for as long as it takes: a thread cannot be
    /// stopped, and should not become many.
    async fn at_the_signer<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Signer) -> Result<T, KeeperError> + Send + 'static,
    ) -> Result<T, ExtendError> {
        let signer = Arc::clone(&self.signer);
        let answer = tokio::task::spawn_blocking(move || ask(&signer)).await;
        Ok(answer.map_err(|_| ExtendError::Away)??)
    }

    /// Waits for this process to append, or for the time to look whether another one has.
    async fn wait_for_more(&mut self, size: u64, stop: &CancellationToken) {
        let last = signed_number(size) - 1;
        let appended = self.head.wait_for(|head| *head > last);
        tokio::select! {
            () = stop.cancelled() => {}
            _ = appended => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What is not over by then ends the session; the next has another connection.
async fn in_time<T>(step: impl Future<Output = Result<T, ExtendError>>) -> Result<T, ExtendError> {
    timeout(PATIENCE, step).await.map_err(|_| ExtendError::Late)?
}

/// Adds the next leaves. Says whether there may be more.
async fn take_batch(log: &mut PgConnection, edge: &mut Edge) -> Result<bool, ExtendError> {
    let size = edge.size();
    // In one piece: that costs both sides less than rows. That it comes in order is looked at.
    let (leaves,): (Option<Vec<u8>>,) = sqlx::query_as(
        "select string_agg(int8send(position) || leaf, ''::bytea) from (
             select position, leaf from eventstore.events
             where position >= $1 order by position limit $2
         ) next",
    )
    .bind(signed_number(size))
    .bind(BATCH)
    .fetch_one(&mut *log)
    .await?;
    let Some(leaves) = leaves else {
        return Ok(false);
    };
    let (leaves, rest) = leaves.as_chunks::<{ 8 + leaf::LENGTH }>();
    if !rest.is_empty() {
        return Err(ExtendError::Leaf(size));
    }
    let mut grown = edge.clone();
    let mut tiles: Vec<(Tile, Vec<u8>)> = Vec::new();
    for placed in leaves {
        let (position, leaf) = placed.split_at(8);
        if position != grown.size().to_be_bytes() {
            return Err(ExtendError::Leaf(grown.size()));
        }
        grown.push(hash::leaf(leaf), |tile, hashes| tiles.push((tile, tile::bytes(hashes))));
    }
    tiles.extend(grown.open().map(|(tile, hashes)| (tile, tile::bytes(hashes))));
    keep(log, size, grown.size(), tiles).await?;
    *edge = grown;
    Ok(leaves.len() as i64 == BATCH)
}

/// Keeps what was added, if nobody else has added to it meanwhile.
async fn keep(
    log: &mut PgConnection,
    from: u64,
    to: u64,
    tiles: Vec<(Tile, Vec<u8>)>,
) -> Result<(), ExtendError> {
    let mut levels = Vec::with_capacity(tiles.len());
    let mut numbers = Vec::with_capacity(tiles.len());
    let mut contents = Vec::with_capacity(tiles.len());
    for (Tile { level, number }, bytes) in tiles {
        levels.push(i16::from(level));
        numbers.push(signed_number(number));
        contents.push(bytes);
    }
    let (moved,): (i64,) = sqlx::query_as(
        "with moved as (
             update eventstore.ledger set size = $2 where size = $1 returning size
         ), kept as (
             insert into eventstore.ledger_tiles (level, number, hashes)
             select * from unnest($3::smallint[], $4::bigint[], $5::bytea[])
             where exists (select from moved)
             on conflict (level, number) do update set hashes = excluded.hashes
         )
         select count(*) from moved",
    )
    .bind(signed_number(from))
    .bind(signed_number(to))
    .bind(levels)
    .bind(numbers)
    .bind(contents)
    .fetch_one(log)
    .await?;
    if moved == 1 { Ok(()) } else { Err(ExtendError::Fenced) }
}

/// As PostgreSQL counts. No log has so many entries that it does not fit.
pub(super) fn signed_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
