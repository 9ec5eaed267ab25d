//! Contracts that tokens are minted by: making one, and what there is.

use commands::Commands;
use commands::deployment::WantedContract;
use domain::nft::address::EvmAddress;
use domain::permission::Permission;
use poem_openapi::param::{Header, Query};
use poem_openapi::{Object, OpenApi};
use projections::contracts::{self, ContractRow};
use projections::{Projection, Readers};

use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Accepted, Found, Pagination};
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};
use crate::http::values::Text;

pub struct Contracts {
    pub commands: Commands,
    pub readers: Readers,
}

/// A contract that is to be made.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct DeploymentBody {
    /// The network by name; the configured one if left out.
    network: Parsed<Text<50>>,
    /// Of the collection, as wallets show it (ERC-721).
    name: Needed<Text<100>>,
    symbol: Needed<Text<20>>,
    /// Who may give and take every role of the contract. It should be a wallet of several people.
    admin: Needed<EvmAddress>,
}

impl Checked for DeploymentBody {
    type Value = WantedContract;

    fn check(self, violations: &mut Violations) -> Option<WantedContract> {
        let network = violations.optional("network", self.network);
        let name = violations.required("name", self.name);
        let symbol = violations.required("symbol", self.symbol);
        let admin = violations.required("admin", self.admin);
        Some(WantedContract {
            network: network?.map(|text| text.0),
            name: name?.0,
            symbol: symbol?.0,
            admin: admin?,
        })
    }
}

/// A contract that was asked for.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AskedFor {
    deployment_id: String,
    /// REQUESTED.
    status: String,
}

/// A contract, or one that is to be made.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Contract {
    /// Null: it was not made here.
    deployment_id: Option<String>,
    network: String,
    /// EIP-155.
    chain_id: i64,
    /// Null before it has a nonce. From then on it is known, and nothing is there before the block.
    address: Option<String>,
    name: Option<String>,
    symbol: Option<String>,
    admin: Option<String>,
    /// REQUESTED, ASSIGNED (it has a nonce), CONFIRMED (in a final block), FAILED, or CONFIGURED: made
    /// elsewhere and followed here.
    status: String,
    /// reverted_at_finality or cancelled_at_finality.
    failure: Option<String>,
    transaction: Option<String>,
    block: Option<i64>,
    gas_used: Option<i64>,
    /// Wei per gas, decimal.
    effective_gas_price: Option<String>,
    requested_at: Option<String>,
    /// Every movement of its tokens up to this final block is in the log.
    followed_block: Option<i64>,
    /// The last head of the ledger that it keeps for good.
    anchored: Option<Anchored>,
}

/// Heads of the ledger that a contract keeps: the last one, and what all of them cost.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Anchored {
    /// How many events it covers.
    size: i64,
    /// In hex.
    root: String,
    transaction: String,
    /// How many there are.
    count: i64,
    /// Of all of them.
    gas_used: i64,
    /// Of all of them, in wei, decimal.
    cost: String,
}

impl Anchored {
    fn of(row: &ContractRow) -> Option<Self> {
        Some(Self {
            size: row.anchored_size?,
            root: row.anchored_root.clone()?,
            transaction: row.anchored_by.clone()?,
            count: row.anchors,
            gas_used: row.anchors_gas,
            cost: row.anchors_cost.clone(),
        })
    }
}

impl From<ContractRow> for Contract {
    fn from(row: ContractRow) -> Self {
        Self {
            anchored: Anchored::of(&row),
            deployment_id: row.deployment.map(|id| id.to_string()),
            network: row.network,
            chain_id: row.chain_id,
            address: row.address,
            name: row.name,
            symbol: row.symbol,
            admin: row.admin,
            status: row.status,
            failure: row.failure,
            transaction: row.tx_hash,
            block: row.block_number,
            gas_used: row.gas_used,
            effective_gas_price: row.effective_gas_price,
            requested_at: row.requested_at.map(written),
            followed_block: row.followed,
        }
    }
}

#[OpenApi(tag = "Tag::Blockchain")]
impl Contracts {
    /// Have a contract made
    ///
    /// For the platform's own operators, where a network's keys may make contracts. It goes through the
    /// lanes that mint; nobody may mint by it before its admin says so. New tokens go to the contract
    /// that is configured.
    #[oai(path = "/blockchain/deploy-contract", method = "post", operation_id = "deploy_contract")]
    async fn deploy_contract(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<DeploymentBody>,
    ) -> Result<Accepted<AskedFor>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.deploy_contract(&asked, &body.value).await?;
        let asked_for =
            AskedFor { deployment_id: done.answer.to_string(), status: "REQUESTED".to_owned() };
        Ok(Accepted::new(asked_for).at("/api/v1/blockchain/contracts".to_owned()).done(&done))
    }

    /// The contracts, newest first
    #[oai(path = "/blockchain/contracts", method = "get", operation_id = "contracts")]
    async fn contracts(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Contract>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let page = page(number.0, limit.0)?;
        caught_up(&self.readers, contracts::Contracts::NAME, min_position.0).await?;
        let found = self.readers.contracts(actor.tenant(), page).await?;
        let shown = found.items.into_iter().map(Contract::from).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }
}
