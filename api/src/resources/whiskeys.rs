//! Casks: register, look up, judge.

use commands::{Commands, Done};
use domain::id::{UserId, WhiskeyId};
use domain::permission::{Actor, Permission};
use domain::violation::Violation;
use domain::whiskey::details::{CaskType, Category, Details, FillDate, Money, StorageLocation};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::whiskeys::{Filter, WhiskeyRow};
use projections::{Projection, Readers, whiskeys};

use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Created, Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::field::{Decimal, Needed, Parsed, Text, Violations, Whole};
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};

pub struct Whiskeys {
    pub commands: Commands,
    pub readers: Readers,
}

/// A cask to be registered. Needed: name, distillery, category, caskNumber, caskType,
/// alcoholContent, volume.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RegisterWhiskeyBody {
    name: Needed<Text<200>>,
    brand: Parsed<Text<100>>,
    distillery: Needed<Text<100>>,
    region: Parsed<Text<100>>,
    category: Needed<Category>,
    /// Full years in wood.
    age: Parsed<Whole<0, 100>>,
    /// The year of distillation.
    vintage: Parsed<Whole<1800, 2200>>,
    cask_number: Needed<Text<50>>,
    cask_type: Needed<CaskType>,
    fill_date: Parsed<FillDate>,
    /// Percent of volume at 20 °C.
    alcohol_content: Needed<Decimal<2, 0, 100>>,
    /// Bulk litres at 20 °C.
    volume: Needed<Decimal<2, 0, 10_000>>,
    storage_location: Parsed<StorageLocation>,
    condition: Parsed<Text<1000>>,
    market_value: Parsed<Money>,
    description: Parsed<Text<4000>>,
}

impl Checked for RegisterWhiskeyBody {
    type Value = Details;

    fn check(self, violations: &mut Violations) -> Option<Details> {
        let name = violations.required("name", self.name);
        let brand = violations.optional("brand", self.brand);
        let distillery = violations.required("distillery", self.distillery);
        let region = violations.optional("region", self.region);
        let category = violations.required("category", self.category);
        let age = violations.optional("age", self.age);
        let vintage = violations.optional("vintage", self.vintage);
        let cask_number = violations.required("caskNumber", self.cask_number);
        let cask_type = violations.required("caskType", self.cask_type);
        let fill_date = violations.optional("fillDate", self.fill_date);
        let alcohol_content = violations.required("alcoholContent", self.alcohol_content);
        let volume = violations.required("volume", self.volume);
        let storage_location = violations.optional("storageLocation", self.storage_location);
        let condition = violations.optional("condition", self.condition);
        let market_value = violations.optional("marketValue", self.market_value);
        let description = violations.optional("description", self.description);
        Some(Details {
            name: name?.0,
            brand: brand?.map(|text| text.0),
            distillery: distillery?.0,
            region: region?.map(|text| text.0),
            category: category?,
            age: age?.and_then(|years| u8::try_from(years.0).ok()),
            vintage: vintage?.and_then(|year| u16::try_from(year.0).ok()),
            cask_number: cask_number?.0,
            cask_type: cask_type?,
            fill_date: fill_date?,
            alcohol_content: alcohol_content?.0,
            volume: volume?.0,
            storage_location: storage_location?,
            condition: condition?.map(|text| text.0),
            market_value: market_value?,
            description: description?.map(|text| text.0),
        })
    }
}

#[derive(Object)]
struct RejectBody {
    reason: Needed<Text<1000>>,
}

impl Checked for RejectBody {
    type Value = String;

    fn check(self, violations: &mut Violations) -> Option<String> {
        violations.required("reason", self.reason).map(|reason| reason.0)
    }
}

/// A cask. Decimals are strings.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Whiskey {
    id: String,
    owner: String,
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
    alcohol_content: String,
    volume: String,
    original_litres_of_alcohol: String,
    storage_location: Option<Location>,
    condition: Option<String>,
    market_value: Option<Value>,
    description: Option<String>,
    rejection_reason: Option<String>,
    network: Option<String>,
    registered_at: String,
    changed_at: String,
}

#[derive(Object)]
struct Location {
    warehouse: String,
    bond: Option<String>,
    position: Option<String>,
}

#[derive(Object)]
struct Value {
    amount: String,
    currency: String,
}

/// The id of what a command changed.
#[derive(Object)]
struct Changed {
    id: String,
    status: String,
}

impl From<WhiskeyRow> for Whiskey {
    fn from(row: WhiskeyRow) -> Self {
        let details = row.details.0;
        Self {
            id: row.whiskey_id.to_string(),
            owner: row.owner.to_string(),
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
            alcohol_content: details.alcohol_content.to_string(),
            volume: details.volume.to_string(),
            original_litres_of_alcohol: row.original_litres_of_alcohol,
            storage_location: details.storage_location.map(|location| Location {
                warehouse: location.warehouse,
                bond: location.bond,
                position: location.position,
            }),
            condition: details.condition,
            market_value: details.market_value.map(|money| Value {
                amount: money.amount.to_string(),
                currency: money.currency.as_str().to_owned(),
            }),
            description: details.description,
            rejection_reason: row.rejection_reason,
            network: row.network,
            registered_at: written(row.registered_at),
            changed_at: written(row.changed_at),
        }
    }
}

fn changed(done: &Done<WhiskeyId>, status: &str) -> Changed {
    Changed { id: done.answer.to_string(), status: status.to_owned() }
}

pub(super) fn whiskey_id(text: &str) -> Result<WhiskeyId, Problem> {
    text.parse().map_err(|violation| Problem::invalid_field("id", violation))
}

pub(super) fn must_be_allowed(actor: &Actor, permission: Permission) -> Result<(), Problem> {
    if actor.may(permission) {
        Ok(())
    } else {
        Err(commands::CommandError::Forbidden(permission).into())
    }
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Whiskeys {
    /// Register a cask
    #[oai(path = "/whiskeys", method = "post", operation_id = "register_whiskey")]
    async fn register_whiskey(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RegisterWhiskeyBody>,
    ) -> Result<Created<Changed>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.register_whiskey(&asked, body.value).await?;
        let location = format!("/api/v1/whiskeys/{}", done.answer);
        Ok(Created::new(changed(&done, "PENDING")).at(location).at_sequence(1).done(&done))
    }

    /// The catalogue, newest first
    #[oai(path = "/whiskeys", method = "get", operation_id = "whiskeys")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the endpoint")]
    async fn whiskeys(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
        /// An owner's id, or `me`.
        owner: Query<Option<String>>,
        status: Query<Option<String>>,
        category: Query<Option<String>>,
        /// From 1.
        #[oai(name = "page")]
        number: Query<Option<String>>,
        /// At most 100; 20 if left out.
        limit: Query<Option<String>>,
    ) -> Result<Found<Vec<Whiskey>>, Problem> {
        let actor = caller.0;
        must_be_allowed(&actor, Permission::READ_WHISKEY)?;
        let page = page(number.0, limit.0)?;
        let filter = Filter {
            owner: owner.0.map(|text| owner_named(&text, &actor)).transpose()?,
            status: status.0.map(|text| word("status", text, &STATUSES)).transpose()?,
            category: category.0.map(|text| word("category", text, Category::WORDS)).transpose()?,
        };
        caught_up(&self.readers, whiskeys::Whiskeys::NAME, min_position.0).await?;
        let found = self.readers.whiskeys(actor.tenant(), &filter, page).await?;
        let shown = found.items.into_iter().map(Whiskey::from).collect();
        Ok(Found::new(shown).paged(Pagination::of(page, found.total)))
    }

    /// One cask
    #[oai(path = "/whiskeys/:id", method = "get", operation_id = "whiskey")]
    async fn whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<Whiskey>, Problem> {
        must_be_allowed(&caller.0, Permission::READ_WHISKEY)?;
        let id = whiskey_id(&id.0)?;
        caught_up(&self.readers, whiskeys::Whiskeys::NAME, min_position.0).await?;
        let row = self.readers.whiskey(caller.0.tenant(), id).await?;
        let row = row.ok_or_else(|| Problem::new(ErrorCode::WhiskeyNotFound))?;
        let sequence = row.sequence;
        Ok(Found::new(row.into()).at_sequence(sequence))
    }

    /// Approve a cask that is somebody else's
    #[oai(path = "/whiskeys/:id/approve", method = "put", operation_id = "approve_whiskey")]
    async fn approve_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Found<Changed>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, Vec::new())?;
        let done = self.commands.approve_whiskey(&asked, whiskey_id(&id.0)?).await?;
        Ok(Found::new(changed(&done, "APPROVED")).done(&done))
    }

    /// Reject a cask that is somebody else's
    #[oai(path = "/whiskeys/:id/reject", method = "put", operation_id = "reject_whiskey")]
    async fn reject_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<RejectBody>,
    ) -> Result<Found<Changed>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.reject_whiskey(&asked, whiskey_id(&id.0)?, body.value).await?;
        Ok(Found::new(changed(&done, "REJECTED")).done(&done))
    }
}

const STATUSES: [&str; 5] = ["PENDING", "APPROVED", "REJECTED", "TOKENISING", "TOKENISED"];

fn owner_named(text: &str, actor: &Actor) -> Result<UserId, Problem> {
    match actor.user() {
        Some(user) if text == "me" => Ok(user),
        _ => text.parse().map_err(|violation| Problem::invalid_field("owner", violation)),
    }
}

fn word(field: &str, text: String, words: &[&str]) -> Result<String, Problem> {
    if words.contains(&text.as_str()) {
        Ok(text)
    } else {
        Err(Problem::invalid_field(field, Violation::NotOneOf(words.join(", "))))
    }
}
