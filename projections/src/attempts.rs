//! Transactions signed here, by their hash: what they were for, and what else was signed for that.

use domain::id::TenantId;
use domain::lane::{Attempt, AttemptKind, Errand, Lane, LaneEvent};
use eventstore::Recorded;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct Attempts;

/// A nonce, and what it was given to.
#[derive(Clone, Debug, FromRow)]
pub struct SlotRow {
    /// The chain's id and the signer's address.
    pub lane: String,
    pub nonce: i64,
    /// mints, deployment or anchor.
    pub errand: String,
    /// Tokens among it.
    pub mints: Vec<i64>,
    pub winner: Option<String>,
}

/// A transaction that was signed.
#[derive(Clone, Debug, FromRow)]
pub struct AttemptRow {
    pub tx_hash: String,
    /// mint, deployment, anchor, or cancel: it spends the nonce on nothing.
    pub kind: String,
    pub max_fee_per_gas: String,
    pub max_priority_fee_per_gas: String,
    pub gas_limit: i64,
    pub signed_at: OffsetDateTime,
}

/// A nonce with all that was signed for it, in the order of signing.
#[derive(Clone, Debug)]
pub struct Signed {
    pub slot: SlotRow,
    pub attempts: Vec<AttemptRow>,
}

impl Projection for Attempts {
    const NAME: &'static str = "attempts";
    const VERSION: i32 = 2;
    const TABLES: &'static str = include_str!("../migrations/attempts.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let lane = &event.aggregate_id;
        match event.event::<Lane>()? {
            Some(LaneEvent::NonceAssigned { nonce, tenant, errand }) => {
                sqlx::query(
                    "insert into slots (lane, nonce, tenant, errand, mints)
                     values ($1, $2, $3, $4, $5)",
                )
                .bind(lane)
                .bind(number(nonce))
                .bind(tenant.value())
                .bind(kind(&errand))
                .bind(errand.mints().iter().map(|mint| mint.value()).collect::<Vec<_>>())
                .execute(connection)
                .await?;
            }
            Some(LaneEvent::AttemptSigned { nonce, attempt }) => {
                let signed_at = at(event.metadata.occurred_at);
                note(connection, lane, nonce, attempt, signed_at).await?;
            }
            Some(LaneEvent::SlotSettled { nonce, winner, .. }) => {
                settle(connection, lane, nonce, &winner).await?;
            }
            Some(LaneEvent::SlotLost { nonce, evidence }) => {
                settle(connection, lane, nonce, &evidence.tx_hash).await?;
            }
            Some(
                LaneEvent::LaneOpened { .. }
                | LaneEvent::CancelRequested { .. }
                | LaneEvent::LanePaused { .. }
                | LaneEvent::LaneQuarantined { .. }
                | LaneEvent::LaneResumed { .. },
            )
            | None => {}
        }
        Ok(())
    }
}

const fn kind(errand: &Errand) -> &'static str {
    match errand {
        Errand::Mints { .. } | Errand::ApprovedMint { .. } => "mints",
        Errand::Deployment { .. } => "deployment",
        Errand::Anchor { .. } => "anchor",
    }
}

async fn note(
    connection: &mut PgConnection,
    lane: &str,
    nonce: u64,
    attempt: Attempt,
    signed_at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let kind = match attempt.kind {
        AttemptKind::Mint => "mint",
        AttemptKind::Deployment => "deployment",
        AttemptKind::Anchor => "anchor",
        AttemptKind::Cancel => "cancel",
    };
    // The tenant is the slot's: lanes serve all of them.
    sqlx::query(
        "insert into attempts (tx_hash, tenant, lane, nonce, kind, max_fee_per_gas,
             max_priority_fee_per_gas, gas_limit, signed_at)
         select $1, tenant, lane, nonce, $4, $5, $6, $7, $8 from slots
         where lane = $2 and nonce = $3",
    )
    .bind(attempt.tx_hash)
    .bind(lane)
    .bind(number(nonce))
    .bind(kind)
    .bind(attempt.max_fee_per_gas)
    .bind(attempt.max_priority_fee_per_gas)
    .bind(number(attempt.gas_limit))
    .bind(signed_at)
    .execute(connection)
    .await?;
    Ok(())
}

async fn settle(
    connection: &mut PgConnection,
    lane: &str,
    nonce: u64,
    winner: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("update slots set winner = $3 where lane = $1 and nonce = $2")
        .bind(lane)
        .bind(number(nonce))
        .bind(winner)
        .execute(connection)
        .await?;
    Ok(())
}

/// Nonces and gas fit the database's integers for as long as chains last.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Readers {
    /// What was signed beside a transaction of a tenant's, and what for.
    pub async fn signed(
        &self,
        tenant: TenantId,
        tx_hash: &str,
    ) -> Result<Option<Signed>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let slot: Option<SlotRow> = sqlx::query_as(
            "select s.lane, s.nonce, s.errand, s.mints, s.winner
             from read_attempts.slots s join read_attempts.attempts a using (lane, nonce)
             where a.tx_hash = $1",
        )
        .bind(tx_hash)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(slot) = slot else { return Ok(None) };
        let attempts = sqlx::query_as(
            "select tx_hash, kind, max_fee_per_gas, max_priority_fee_per_gas, gas_limit, signed_at
             from read_attempts.attempts where lane = $1 and nonce = $2
             order by signed_at, tx_hash",
        )
        .bind(&slot.lane)
        .bind(slot.nonce)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(Signed { slot, attempts }))
    }
}
