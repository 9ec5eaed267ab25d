//! Tokens, from the request to the verdict.

use domain::id::{TenantId, WhiskeyId};
use domain::nft::{Inclusion, Nft, NftEvent};
use eventstore::Recorded;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct Nfts;

/// A token.
#[derive(Clone, Debug, FromRow)]
pub struct NftRow {
    pub token_id: i64,
    pub sequence: i64,
    pub owner: i64,
    pub status: String,
    pub network: String,
    pub contract: String,
    pub recipient: String,
    pub cid: Option<String>,
    pub signer: Option<String>,
    pub nonce: Option<i64>,
    pub tx_hash: Option<String>,
    pub block_number: Option<i64>,
    pub block_hash: Option<String>,
    pub gas_used: Option<i64>,
    pub effective_gas_price: Option<String>,
    pub failure: Option<String>,
    pub requested_at: OffsetDateTime,
    pub confirmed_at: Option<OffsetDateTime>,
}

impl Projection for Nfts {
    const NAME: &'static str = "nfts";
    const VERSION: i32 = 3;
    const TABLES: &'static str = include_str!("../migrations/nfts.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<Nft>()? else {
            return Ok(());
        };
        let id = event.id()?;
        let when = at(event.metadata.occurred_at);
        let change = match happened {
            NftEvent::MintRequested { owner, order, .. } => sqlx::query(
                "insert into nfts (token_id, tenant, sequence, owner, status, network, contract,
                     recipient, requested_at)
                 values ($1, $2, 0, $3, 'REQUESTED', $4, $5, $6, $7)",
            )
            .bind(id)
            .bind(event.tenant.value())
            .bind(owner.value())
            .bind(order.network)
            .bind(order.contract.to_string())
            .bind(order.recipient.to_string())
            .bind(when),
            NftEvent::MetadataPinned { cid, document, .. } => {
                sqlx::query("insert into documents (token_id, cid, document) values ($1, $2, $3)")
                    .bind(id)
                    .bind(&cid)
                    .bind(document)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("update nfts set status = 'PINNED', cid = $2 where token_id = $1")
                    .bind(id)
                    .bind(cid)
            }
            NftEvent::MintAssigned { signer, nonce, .. } => sqlx::query(
                "update nfts set status = 'ASSIGNED', signer = $2, nonce = $3 where token_id = $1",
            )
            .bind(id)
            .bind(signer.to_string())
            .bind(number(nonce)),
            NftEvent::MintSubmitted { tx_hash } => sqlx::query(
                "update nfts set status = 'SUBMITTED', tx_hash = $2 where token_id = $1",
            )
            .bind(id)
            .bind(tx_hash),
            NftEvent::MintIncluded { inclusion } => sqlx::query(
                "update nfts set status = 'INCLUDED', tx_hash = $2, block_number = $3,
                     block_hash = $4 where token_id = $1",
            )
            .bind(id)
            .bind(inclusion.tx_hash)
            .bind(number(inclusion.block_number))
            .bind(inclusion.block_hash),
            NftEvent::MintReorged { inclusion } => sqlx::query(
                "update nfts set status = 'SUBMITTED', tx_hash = $2, block_number = null,
                     block_hash = null where token_id = $1",
            )
            .bind(id)
            .bind(inclusion.tx_hash),
            NftEvent::MintConfirmed { inclusion, cost, .. } => sqlx::query(
                "update nfts set status = 'CONFIRMED', tx_hash = $2, block_number = $3,
                     block_hash = $4, gas_used = $5, effective_gas_price = $6, confirmed_at = $7
                 where token_id = $1",
            )
            .bind(id)
            .bind(inclusion.tx_hash)
            .bind(number(inclusion.block_number))
            .bind(inclusion.block_hash)
            .bind(number(cost.gas_used))
            .bind(cost.effective_gas_price)
            .bind(when),
            NftEvent::MintFailed { evidence, class, .. } => {
                let Inclusion { tx_hash, block_number, block_hash } = evidence;
                sqlx::query(
                    "update nfts set status = 'FAILED', tx_hash = $2, block_number = $3,
                         block_hash = $4, failure = $5 where token_id = $1",
                )
                .bind(id)
                .bind(tx_hash)
                .bind(number(block_number))
                .bind(block_hash)
                .bind(format!("{class:?}"))
            }
        };
        change.execute(&mut *connection).await?;
        sqlx::query("update nfts set sequence = $2 where token_id = $1")
            .bind(id)
            .bind(event.sequence)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Heights and nonces fit the database's integers for as long as chains last.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Readers {
    /// One token.
    pub async fn nft(
        &self,
        tenant: TenantId,
        token: WhiskeyId,
    ) -> Result<Option<NftRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let row = sqlx::query_as(
            "select token_id, sequence, owner, status, network, contract, recipient, cid,
                 signer, nonce, tx_hash, block_number, block_hash, gas_used, effective_gas_price,
                 failure, requested_at, confirmed_at
             from read_nfts.nfts where token_id = $1",
        )
        .bind(token.value())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A token's metadata document, for anybody.
    pub async fn nft_document(&self, token: WhiskeyId) -> Result<Option<String>, ReadError> {
        let mut tx = self.public().await?;
        let row: Option<(String,)> =
            sqlx::query_as("select document from read_nfts.documents where token_id = $1")
                .bind(token.value())
                .fetch_optional(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(row.map(|(document,)| document))
    }

    /// A metadata document by its content identifier, whichever token has it.
    pub async fn document(&self, cid: &str) -> Result<Option<String>, ReadError> {
        let mut tx = self.public().await?;
        let row: Option<(String,)> =
            sqlx::query_as("select document from read_nfts.documents where cid = $1 limit 1")
                .bind(cid)
                .fetch_optional(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(row.map(|(document,)| document))
    }
}
