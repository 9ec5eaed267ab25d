//! Tokens, from the request to the verdict.

use domain::id::{TenantId, UserId, WhiskeyId};
use domain::nft::{HoldReason, Inclusion, Nft, NftEvent};
use eventstore::Recorded;
use eventstore::recorded::Undecodable;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
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
    /// Who holds the token by the chain's final blocks.
    pub holder: Option<String>,
    /// The last address whose key was shown, and who did.
    pub shown: Option<String>,
    pub shown_by: Option<i64>,
    /// Why the mint does not go on, while it does not.
    pub hold: Option<String>,
    pub cid: Option<String>,
    pub signer: Option<String>,
    pub nonce: Option<i64>,
    pub tx_hash: Option<String>,
    pub block_number: Option<i64>,
    pub block_hash: Option<String>,
    pub gas_used: Option<i64>,
    pub effective_gas_price: Option<String>,
    pub failure: Option<String>,
    /// What the contract says against it, or said when it failed.
    pub reason: Option<String>,
    pub requested_at: OffsetDateTime,
    pub confirmed_at: Option<OffsetDateTime>,
}

impl Projection for Nfts {
    const NAME: &'static str = "nfts";
    const VERSION: i32 = 5;
    const TABLES: &'static str = include_str!("../migrations/nfts.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<Nft>()? else {
            return Ok(());
        };
        if let NftEvent::MetadataPinned { cid, document, .. } = &happened {
            // Asked for again after a failure, it may be another one.
            let insert = "insert into documents (token_id, cid, document) values ($1, $2, $3)
                 on conflict (token_id) do update
                 set cid = excluded.cid, document = excluded.document";
            sqlx::query(insert)
                .bind(event.id()?)
                .bind(cid)
                .bind(document)
                .execute(&mut *connection)
                .await?;
        }
        let before = match happened {
            NftEvent::MintRequested { .. } => None,
            _ => Some(load(connection, event.id()?).await?),
        };
        match NftRow::after(before, event, happened)? {
            Some(row) => save(connection, event.tenant, row).await,
            None => Ok(()),
        }
    }
}

impl NftRow {
    /// The token after an event; none, as long as nobody has asked for it.
    pub(crate) fn after(
        before: Option<Self>,
        event: &Recorded,
        happened: NftEvent,
    ) -> Result<Option<Self>, Undecodable> {
        let when = at(event.metadata.occurred_at);
        if let NftEvent::MintRequested { owner, order, .. } = happened {
            return Ok(Some(Self {
                token_id: event.id()?,
                sequence: event.sequence,
                owner: owner.value(),
                status: "REQUESTED".to_owned(),
                network: order.network,
                contract: order.contract.to_string(),
                recipient: order.recipient.to_string(),
                holder: None,
                shown: None,
                shown_by: None,
                hold: None,
                cid: None,
                signer: None,
                nonce: None,
                tx_hash: None,
                block_number: None,
                block_hash: None,
                gas_used: None,
                effective_gas_price: None,
                failure: None,
                reason: None,
                requested_at: when,
                confirmed_at: None,
            }));
        }
        Ok(before.map(|mut row| {
            row.change(happened, when);
            row.sequence = event.sequence;
            row
        }))
    }

    fn change(&mut self, happened: NftEvent, when: OffsetDateTime) {
        match happened {
            NftEvent::MintRequested { .. } => {}
            NftEvent::MetadataPinned { cid, .. } => {
                self.enter("PINNED");
                self.cid = Some(cid);
            }
            NftEvent::MintAssigned { signer, nonce, .. } => {
                self.enter("ASSIGNED");
                (self.signer, self.nonce) = (Some(signer.to_string()), Some(number(nonce)));
            }
            NftEvent::MintSubmitted { tx_hash } => {
                self.enter("SUBMITTED");
                self.tx_hash = Some(tx_hash);
            }
            NftEvent::MintIncluded { inclusion } => {
                self.enter("INCLUDED");
                self.stand(inclusion);
            }
            NftEvent::MintReorged { inclusion } => {
                self.enter("SUBMITTED");
                self.stand(inclusion);
                (self.block_number, self.block_hash) = (None, None);
            }
            NftEvent::MintConfirmed { inclusion, cost, .. } => {
                self.enter("CONFIRMED");
                self.stand(inclusion);
                self.gas_used = Some(number(cost.gas_used));
                self.effective_gas_price = Some(cost.effective_gas_price);
                self.confirmed_at = Some(when);
                self.holder = Some(self.recipient.clone());
                (self.hold, self.reason) = (None, None);
            }
            NftEvent::MintAdopted { inclusion, recipient, .. } => {
                self.enter("CONFIRMED");
                self.stand(inclusion);
                self.confirmed_at = Some(when);
                self.recipient = recipient.to_string();
                self.holder = Some(self.recipient.clone());
                (self.hold, self.reason) = (None, None);
            }
            NftEvent::MintFailed { evidence, class, reason, .. } => {
                self.enter("FAILED");
                evidence.into_iter().for_each(|evidence| self.stand(evidence));
                self.failure = Some(class.word().to_owned());
                (self.hold, self.reason) = (None, reason);
            }
            NftEvent::MintSlotLost { .. } => {
                self.enter("PINNED");
                (self.signer, self.nonce, self.tx_hash) = (None, None, None);
            }
            NftEvent::MintHeld { reason, detail } => {
                self.hold = Some(reason.word().to_owned());
                self.reason = (reason == HoldReason::Refused).then_some(detail);
            }
            NftEvent::MintReleased {} => (self.hold, self.reason) = (None, None),
            NftEvent::OwnershipVerified { user, address, .. } => {
                if let Some(user) = user {
                    (self.shown, self.shown_by) = (Some(address.to_string()), Some(user.value()));
                }
            }
            NftEvent::TitleSettled { owner } => self.owner = owner.value(),
            NftEvent::TokenTransferred { to, .. } => self.holder = Some(to.to_string()),
            NftEvent::TokenBurned { .. } => {
                self.enter("BURNED");
                self.holder = None;
            }
        }
    }

    /// The status as people are told: what is in no block yet may be held.
    pub fn shown_status(&self) -> &str {
        let not_included = ["REQUESTED", "PINNED", "ASSIGNED", "SUBMITTED"];
        if self.hold.is_some() && not_included.contains(&self.status.as_str()) {
            return "HELD";
        }
        &self.status
    }

    /// Who holds the token, if they have shown that it is them.
    pub fn shown_holder(&self) -> Option<i64> {
        self.shown_by.filter(|_| self.holder.is_some() && self.shown == self.holder)
    }

    fn enter(&mut self, status: &str) {
        status.clone_into(&mut self.status);
    }

    fn stand(&mut self, Inclusion { tx_hash, block_number, block_hash }: Inclusion) {
        self.tx_hash = Some(tx_hash);
        self.block_number = Some(number(block_number));
        self.block_hash = Some(block_hash);
    }
}

async fn load(connection: &mut PgConnection, id: i64) -> Result<NftRow, sqlx::Error> {
    let sql = format!("select {COLUMNS} from nfts where token_id = $1");
    sqlx::query_as(&sql).bind(id).fetch_one(connection).await
}

async fn save(
    connection: &mut PgConnection,
    tenant: TenantId,
    row: NftRow,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into nfts (token_id, tenant, sequence, owner, status, network, contract, recipient,
             cid, signer, nonce, tx_hash, block_number, block_hash, gas_used, effective_gas_price,
             failure, reason, requested_at, confirmed_at, holder, shown, shown_by, hold)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             $19, $20, $21, $22, $23, $24)
         on conflict (token_id) do update
         set sequence = excluded.sequence, status = excluded.status, cid = excluded.cid,
             owner = excluded.owner, network = excluded.network, contract = excluded.contract,
             recipient = excluded.recipient, requested_at = excluded.requested_at,
             holder = excluded.holder, shown = excluded.shown, shown_by = excluded.shown_by,
             hold = excluded.hold, signer = excluded.signer, nonce = excluded.nonce, tx_hash = excluded.tx_hash,
             block_number = excluded.block_number, block_hash = excluded.block_hash,
             gas_used = excluded.gas_used, effective_gas_price = excluded.effective_gas_price,
             failure = excluded.failure, reason = excluded.reason, confirmed_at = excluded.confirmed_at",
    )
    .bind(row.token_id)
    .bind(tenant.value())
    .bind(row.sequence)
    .bind(row.owner)
    .bind(row.status)
    .bind(row.network)
    .bind(row.contract)
    .bind(row.recipient)
    .bind(row.cid)
    .bind(row.signer)
    .bind(row.nonce)
    .bind(row.tx_hash)
    .bind(row.block_number)
    .bind(row.block_hash)
    .bind(row.gas_used)
    .bind(row.effective_gas_price)
    .bind(row.failure)
    .bind(row.reason)
    .bind(row.requested_at)
    .bind(row.confirmed_at)
    .bind(row.holder)
    .bind(row.shown)
    .bind(row.shown_by)
    .bind(row.hold)
    .execute(connection)
    .await?;
    Ok(())
}

const COLUMNS: &str =
    "token_id, sequence, owner, status, network, contract, recipient, holder, shown, shown_by, hold, cid, signer,
    nonce, tx_hash, block_number, block_hash, gas_used, effective_gas_price, failure, reason,
    requested_at,
    confirmed_at";

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
        let sql = format!("select {COLUMNS} from read_nfts.nfts where token_id = $1");
        let row = sqlx::query_as(&sql).bind(token.value()).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A page of the tokens of a person's casks, newest cask first.
    pub async fn nfts_of(
        &self,
        tenant: TenantId,
        owner: UserId,
        page: Page,
    ) -> Result<Paged<NftRow>, ReadError> {
        let matching = "tenant = $1 and owner = $2";
        let mut tx = self.listing(tenant).await?;
        let count = format!("select count(*) from read_nfts.nfts where {matching}");
        let (total,): (i64,) = sqlx::query_as(&count)
            .bind(tenant.value())
            .bind(owner.value())
            .fetch_one(&mut *tx)
            .await?;
        let sql = format!(
            "select {COLUMNS} from read_nfts.nfts where {matching}
             order by token_id desc limit $3 offset $4"
        );
        let items = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(owner.value())
            .bind(page.limit())
            .bind(page.offset())
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
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
