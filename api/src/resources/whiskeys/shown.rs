//! A cask as it is shown.

use domain::whiskey::AttachmentRole;
use poem_openapi::Object;
use projections::nfts::NftRow;
use projections::whiskeys::WhiskeyRow;

use crate::resources::written;

/// A cask. Decimals are strings.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Whiskey {
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
    /// As last measured; null if it never was since.
    regauged_litres_of_alcohol: Option<String>,
    storage_location: Option<Location>,
    condition: Option<String>,
    market_value: Option<Value>,
    description: Option<String>,
    rejection_reason: Option<String>,
    network: Option<String>,
    /// Whom it is offered to.
    offered_to: Option<String>,
    /// bottled, lost or withdrawn.
    retire_reason: Option<String>,
    /// Files, the one attached first before the others.
    images: Vec<String>,
    documents: Vec<String>,
    registered_at: String,
    changed_at: String,
    /// Of a cask that is tokenised; told of one cask, not in lists.
    token: Option<Token>,
}

/// Who holds the token by the chain's final blocks. That is no title: the cask's owner is `owner`, and
/// `settle-title` lets the title follow.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Token {
    /// An address; null once the token is burned.
    holder: Option<String>,
    /// Who has shown the holder's key.
    shown_by: Option<String>,
    /// Whether the holder is the cask's owner; null as long as nobody has shown the holder's key.
    held_by_owner: Option<bool>,
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

impl From<WhiskeyRow> for Whiskey {
    fn from(row: WhiskeyRow) -> Self {
        let details = row.details.0;
        let files = |role| {
            let of_role = row.attachments.iter().filter(|attachment| attachment.role == role);
            of_role.map(|attachment| attachment.file.to_string()).collect()
        };
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
            regauged_litres_of_alcohol: row.regauged_litres_of_alcohol,
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
            offered_to: row.offered_to.map(|id| id.to_string()),
            retire_reason: row.retire_reason,
            images: files(AttachmentRole::Image),
            documents: files(AttachmentRole::Document),
            registered_at: written(row.registered_at),
            changed_at: written(row.changed_at),
            token: None,
        }
    }
}

impl Whiskey {
    /// With its token, if there is one.
    pub fn beside(mut self, nft: Option<NftRow>) -> Self {
        self.token = nft.filter(|nft| nft.confirmed_at.is_some()).map(|nft| {
            let shown_by = nft.shown_holder().map(|user| user.to_string());
            let held_by_owner = shown_by.as_ref().map(|user| *user == self.owner);
            Token { holder: nft.holder, shown_by, held_by_owner }
        });
        self
    }
}
