//! Contracts: what was asked for and what became of it, how far each is followed, and which heads of the
//! ledger it keeps.

use domain::contract::{Contract, ContractEvent};
use domain::deployment::{Deployment, DeploymentEvent};
use domain::id::TenantId;
use eventstore::Recorded;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct Contracts;

/// A contract, or one that is to be made.
#[derive(Clone, Debug, FromRow)]
pub struct ContractRow {
    /// None: it was not made here.
    pub deployment: Option<i64>,
    pub network: String,
    pub chain_id: i64,
    pub name: Option<String>,
    pub symbol: Option<String>,
    pub admin: Option<String>,
    pub status: String,
    pub requested_at: Option<OffsetDateTime>,
    pub address: Option<String>,
    pub tx_hash: Option<String>,
    pub block_number: Option<i64>,
    pub gas_used: Option<i64>,
    pub effective_gas_price: Option<String>,
    pub failure: Option<String>,
    pub followed: Option<i64>,
    /// How many heads of the ledger it keeps, and what they used together.
    pub anchors: i64,
    pub anchors_gas: i64,
    /// Wei, decimal.
    pub anchors_cost: String,
    pub anchored_size: Option<i64>,
    pub anchored_root: Option<String>,
    pub anchored_by: Option<String>,
}

impl Projection for Contracts {
    const NAME: &'static str = "contracts";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../migrations/contracts.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        if let Some(happened) = event.event::<Deployment>()? {
            deployment(connection, event, happened).await?;
        } else if let Some(happened) = event.event::<Contract>()?
            && let Some((chain_id, address)) = event.aggregate_id.split_once('-')
        {
            let chain_id: i64 = chain_id.parse().unwrap_or_default();
            contract(connection, chain_id, address, happened).await?;
        }
        Ok(())
    }
}

async fn deployment(
    connection: &mut PgConnection,
    event: &Recorded,
    happened: DeploymentEvent,
) -> Result<(), ApplyError> {
    let id: i64 = event.id()?;
    let change = match happened {
        DeploymentEvent::DeploymentRequested { plan } => sqlx::query(
            "insert into deployments
                 (id, status, network, chain_id, name, symbol, admin, requested_at)
             values ($1, 'REQUESTED', $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(plan.network)
        .bind(number(plan.chain_id))
        .bind(plan.name)
        .bind(plan.symbol)
        .bind(plan.admin.to_string())
        .bind(at(event.metadata.occurred_at)),
        DeploymentEvent::DeploymentAssigned { signer, nonce, address } => sqlx::query(
            "update deployments set status = 'ASSIGNED', signer = $2, nonce = $3, address = $4
             where id = $1",
        )
        .bind(id)
        .bind(signer.to_string())
        .bind(number(nonce))
        .bind(address.to_string()),
        DeploymentEvent::DeploymentSlotLost { .. } => sqlx::query(
            "update deployments
             set status = 'REQUESTED', signer = null, nonce = null, address = null where id = $1",
        )
        .bind(id),
        DeploymentEvent::DeploymentConfirmed { inclusion, cost, .. } => sqlx::query(
            "update deployments set status = 'CONFIRMED', tx_hash = $2, block_number = $3,
                 gas_used = $4, effective_gas_price = $5 where id = $1",
        )
        .bind(id)
        .bind(inclusion.tx_hash)
        .bind(number(inclusion.block_number))
        .bind(number(cost.gas_used))
        .bind(cost.effective_gas_price),
        DeploymentEvent::DeploymentFailed { class, evidence, .. } => sqlx::query(
            "update deployments set status = 'FAILED', tx_hash = $2, block_number = $3,
                 failure = $4, address = null where id = $1",
        )
        .bind(id)
        .bind(evidence.tx_hash)
        .bind(number(evidence.block_number))
        .bind(class.word()),
    };
    change.execute(connection).await?;
    Ok(())
}

async fn contract(
    connection: &mut PgConnection,
    chain_id: i64,
    address: &str,
    happened: ContractEvent,
) -> Result<(), ApplyError> {
    let change = match happened {
        ContractEvent::ContractFollowed { network, block, .. } => sqlx::query(
            "insert into followed (chain_id, address, network, block) values ($1, $2, $3, $4)
             on conflict (chain_id, address) do update set block = $4, network = $3",
        )
        .bind(chain_id)
        .bind(address)
        .bind(network)
        .bind(number(block)),
        ContractEvent::AnchorConfirmed { anchor, inclusion, cost, .. } => sqlx::query(
            "insert into anchors (chain_id, address, size, root, tx_hash, block_number, gas_used,
                 effective_gas_price)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(chain_id)
        .bind(address)
        .bind(number(anchor.size))
        .bind(anchor.root)
        .bind(inclusion.tx_hash)
        .bind(number(inclusion.block_number))
        .bind(number(cost.gas_used))
        .bind(cost.effective_gas_price),
        // The deployment tells the first, the transaction's hash the others.
        ContractEvent::ContractDeployed { .. }
        | ContractEvent::AnchorAssigned { .. }
        | ContractEvent::AnchorSlotLost { .. }
        | ContractEvent::AnchorFailed { .. } => return Ok(()),
    };
    change.execute(connection).await?;
    Ok(())
}

/// Blocks, nonces and gas fit the database's integers for as long as chains last.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Readers {
    /// A page of the contracts: those that were asked for here, newest first, then the others.
    pub async fn contracts(
        &self,
        tenant: TenantId,
        page: Page,
    ) -> Result<Paged<ContractRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let (total,): (i64,) = sqlx::query_as(
            "select count(*) from read_contracts.deployments d
             full join read_contracts.followed f
                 on f.chain_id = d.chain_id and f.address = d.address",
        )
        .fetch_one(&mut *tx)
        .await?;
        let items = sqlx::query_as(
            "select d.id as deployment, coalesce(d.network, f.network) as network,
                 coalesce(d.chain_id, f.chain_id) as chain_id, d.name, d.symbol, d.admin,
                 coalesce(d.status, 'CONFIGURED') as status, d.requested_at,
                 coalesce(d.address, f.address) as address, d.tx_hash, d.block_number, d.gas_used,
                 d.effective_gas_price, d.failure, f.block as followed, a.anchors, a.anchors_gas,
                 a.anchors_cost, l.size as anchored_size, l.root as anchored_root,
                 l.tx_hash as anchored_by
             from read_contracts.deployments d
             full join read_contracts.followed f
                 on f.chain_id = d.chain_id and f.address = d.address
             cross join lateral (
                 select count(*) as anchors, coalesce(sum(gas_used), 0)::bigint as anchors_gas,
                     coalesce(sum(gas_used * effective_gas_price::numeric), 0)::text as anchors_cost
                 from read_contracts.anchors a
                 where a.chain_id = coalesce(d.chain_id, f.chain_id)
                     and a.address = coalesce(d.address, f.address)
             ) a
             left join lateral (
                 select size, root, tx_hash from read_contracts.anchors a
                 where a.chain_id = coalesce(d.chain_id, f.chain_id)
                     and a.address = coalesce(d.address, f.address)
                 order by size desc limit 1
             ) l on true
             order by d.requested_at desc nulls last, address limit $1 offset $2",
        )
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }
}
