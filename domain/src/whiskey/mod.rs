//! Whiskey: a cask, from its registration to its token.

pub mod details;

mod approve;
mod register;
mod reject;
mod tokenise;

pub use approve::ApproveWhiskey;
pub use register::RegisterWhiskey;
pub use reject::RejectWhiskey;
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub use tokenise::{CompleteTokenisation, StartTokenisation};

use self::details::Details;
use crate::command::aggregate;
use crate::event::events;
use crate::fixed::Fixed;
use crate::id::UserId;
use crate::refusal::{Kind, Refusal};

/// What rules need to know of a cask. The details travel with it until it is tokenised, because
/// the token's metadata is written from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whiskey {
    #[default]
    Unregistered,
    Registered(Box<Entry>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub owner: UserId,
    pub details: Details,
    pub stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    Pending,
    Approved,
    Rejected,
    Tokenising,
    Tokenised,
}

impl Stage {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Tokenising => "TOKENISING",
            Self::Tokenised => "TOKENISED",
        }
    }
}

events! {
    pub enum WhiskeyEvent {
        WhiskeyRegistered = "whiskey.registered" v 1 {
            owner: UserId,
            details: Box<Details>,
            original_litres_of_alcohol: Fixed<2>,
        },
        WhiskeyApproved = "whiskey.approved" v 1 { by: UserId },
        WhiskeyRejected = "whiskey.rejected" v 1 { by: UserId, reason: String },
        TokenisationStarted = "whiskey.tokenisation_started" v 1 { network: String },
        TokenisationCompleted = "whiskey.tokenisation_completed" v 1 { network: String },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum WhiskeyError {
    #[error("there is no such whiskey")]
    Absent,
    #[error("the whiskey is registered already")]
    AlreadyRegistered,
    #[error("{command} is not possible while the whiskey is {state}")]
    IllegalState { state: &'static str, command: &'static str },
    #[error("an owner does not judge their own cask")]
    OwnCask,
    #[error("only the owner may do this")]
    NotTheOwner,
}

impl Refusal for WhiskeyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::AlreadyRegistered => Kind::Taken,
            Self::IllegalState { .. } => Kind::IllegalState,
            Self::OwnCask | Self::NotTheOwner => Kind::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "WHISKEY_NOT_FOUND",
            Self::AlreadyRegistered => "CONFLICT",
            Self::IllegalState { .. } => "ILLEGAL_STATE",
            Self::OwnCask | Self::NotTheOwner => "PERMISSION_DENIED",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::IllegalState { state, command } => Some((state, command)),
            Self::Absent | Self::AlreadyRegistered | Self::OwnCask | Self::NotTheOwner => None,
        }
    }
}

impl Whiskey {
    fn fold(&mut self, event: WhiskeyEvent) {
        match event {
            WhiskeyEvent::WhiskeyRegistered { owner, details, .. } => {
                *self = Self::Registered(Box::new(Entry {
                    owner,
                    details: *details,
                    stage: Stage::Pending,
                }));
            }
            WhiskeyEvent::WhiskeyApproved { .. } => self.enter(Stage::Approved),
            WhiskeyEvent::WhiskeyRejected { .. } => self.enter(Stage::Rejected),
            WhiskeyEvent::TokenisationStarted { .. } => self.enter(Stage::Tokenising),
            WhiskeyEvent::TokenisationCompleted { .. } => self.enter(Stage::Tokenised),
        }
    }

    fn enter(&mut self, stage: Stage) {
        if let Self::Registered(entry) = self {
            entry.stage = stage;
        }
    }

    /// The register entry, or why there is none.
    pub fn entry(&self) -> Result<&Entry, WhiskeyError> {
        match self {
            Self::Registered(entry) => Ok(entry),
            Self::Unregistered => Err(WhiskeyError::Absent),
        }
    }

    /// The entry, if it stands where the command needs it.
    fn entry_at(&self, stage: Stage, command: &'static str) -> Result<&Entry, WhiskeyError> {
        let entry = self.entry()?;
        if entry.stage == stage {
            Ok(entry)
        } else {
            let state = entry.stage.name();
            Err(WhiskeyError::IllegalState { state, command })
        }
    }
}

aggregate!(Whiskey, "whiskey", WhiskeyEvent, WhiskeyError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! A cask to tell stories about.

    use super::details::{CaskType, Category, FillDate, StorageLocation};
    use super::*;

    pub const OWNER: UserId = UserId::new(7_204_001);
    pub const JUDGE: UserId = UserId::new(7_204_009);

    pub fn details() -> Details {
        Details {
            name: "Ardcairn 2012".into(),
            brand: None,
            distillery: "Ardcairn".into(),
            region: Some("Speyside".into()),
            category: Category::SingleMalt,
            age: Some(12),
            vintage: Some(2012),
            cask_number: "1207".into(),
            cask_type: CaskType::Hogshead,
            fill_date: Some(FillDate::parse("2012-05-31").unwrap()),
            alcohol_content: Fixed::parse("63.50").unwrap(),
            volume: Fixed::parse("250.00").unwrap(),
            storage_location: Some(StorageLocation {
                warehouse: "W7".into(),
                bond: None,
                position: Some("12-3".into()),
            }),
            condition: None,
            market_value: None,
            description: None,
        }
    }

    pub fn registered() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyRegistered {
            owner: OWNER,
            details: Box::new(details()),
            original_litres_of_alcohol: Fixed::parse("158.75").unwrap(),
        }
    }

    pub fn approved() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyApproved { by: JUDGE }
    }

    pub fn rejected() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyRejected { by: JUDGE, reason: "the fill date is missing".into() }
    }

    pub fn tokenising() -> WhiskeyEvent {
        WhiskeyEvent::TokenisationStarted { network: "development".into() }
    }

    pub fn tokenised() -> WhiskeyEvent {
        WhiskeyEvent::TokenisationCompleted { network: "development".into() }
    }

    pub fn illegal(state: &'static str, command: &'static str) -> WhiskeyError {
        WhiskeyError::IllegalState { state, command }
    }
}
