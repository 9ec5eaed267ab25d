//! Whiskey: a cask, from its registration to its token and its end.

pub mod details;

mod approve;
mod attachment;
mod condition_report;
mod correct;
mod lawful;
#[cfg(test)]
mod life;
mod movement;
mod regauge;
mod register;
mod reject;
mod resubmit;
mod retire;
mod settle_title;
mod tokenise;
mod transfer;
mod valuation;

pub use approve::ApproveWhiskey;
pub use attachment::{
    AddAttachment, Attachment, AttachmentRole, RemoveAttachment, WithdrawAttachment,
};
pub use condition_report::ReportCondition;
pub use correct::CorrectWhiskey;
pub use movement::MoveWhiskey;
pub use regauge::RegaugeWhiskey;
pub use register::RegisterWhiskey;
pub use reject::RejectWhiskey;
pub use resubmit::ResubmitWhiskey;
pub use retire::{RetireReason, RetireWhiskey};
use serde::{Deserialize, Serialize};
pub use settle_title::SettleTitle;
use thiserror::Error;
pub use tokenise::{
    CompleteTokenisation, GiveUpTokenisation, StartTokenisation, StartTokenisationForOwner,
};
pub use transfer::{AcceptTransfer, OfferTransfer, WithdrawTransfer};
pub use valuation::RevalueWhiskey;

use self::details::{Details, Money, StorageLocation};
use crate::command::aggregate;
use crate::event::events;
use crate::fixed::Fixed;
use crate::id::{FileId, UserId};
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
    /// As they are today: a regauge, a movement, a valuation changes them.
    pub details: Details,
    pub stage: Stage,
    /// As registered.
    pub original_litres_of_alcohol: Fixed<2>,
    /// As registered, or as last measured.
    pub litres_of_alcohol: Fixed<2>,
    regauged: bool,
    /// Who may become the owner by saying yes.
    pub offered_to: Option<UserId>,
    pub attachments: Vec<Attachment>,
}

/// Who records something about a cask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorder {
    pub user: UserId,
    /// They keep casks for others: the warehouse.
    pub is_keeper: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    Pending,
    Approved,
    Rejected,
    Tokenising,
    Tokenised,
    /// Bottled, lost or withdrawn: nothing is recorded any more.
    Retired,
}

impl Stage {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Tokenising => "TOKENISING",
            Self::Tokenised => "TOKENISED",
            Self::Retired => "RETIRED",
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
        WhiskeyCorrected = "whiskey.corrected" v 1 {
            details: Box<Details>,
            original_litres_of_alcohol: Fixed<2>,
        },
        WhiskeyResubmitted = "whiskey.resubmitted" v 1 {},
        WhiskeyRevalued = "whiskey.revalued" v 1 { value: Money },
        WhiskeyRegauged = "whiskey.regauged" v 1 {
            volume: Fixed<2>,
            alcohol_content: Fixed<2>,
            litres_of_alcohol: Fixed<2>,
        },
        WhiskeyMoved = "whiskey.moved" v 1 { location: StorageLocation },
        ConditionReported = "whiskey.condition_reported" v 1 { condition: String },
        TransferOffered = "whiskey.transfer_offered" v 1 { to: UserId },
        TransferWithdrawn = "whiskey.transfer_withdrawn" v 1 {},
        TransferAccepted = "whiskey.transfer_accepted" v 1 { from: UserId, to: UserId },
        /// The warehouse lets the title follow the token.
        TitleSettled = "whiskey.title_settled" v 1 { by: UserId, from: UserId, to: UserId },
        FileAttached = "whiskey.file_attached" v 1 { file: FileId, role: AttachmentRole },
        FileDetached = "whiskey.file_detached" v 1 { file: FileId },
        WhiskeyRetired = "whiskey.retired" v 1 { reason: RetireReason },
        TokenisationStarted = "whiskey.tokenisation_started" v 1 { network: String },
        TokenisationCompleted = "whiskey.tokenisation_completed" v 1 { network: String },
        /// The mint has failed for good: the cask is as it was before it was asked for.
        TokenisationFailed = "whiskey.tokenisation_failed" v 1 { network: String },
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
    #[error("the cask is not offered to this person")]
    NotOffered,
    #[error("a cask is offered to somebody else than its owner")]
    OfferedToOwner,
    #[error("there were {before} litres of alcohol in the cask: there cannot be more now")]
    LitresRise { before: Fixed<2> },
    #[error("a cask has so many files and no more")]
    EnoughAttachments,
}

impl Refusal for WhiskeyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::AlreadyRegistered => Kind::Taken,
            Self::IllegalState { .. } => Kind::IllegalState,
            Self::OwnCask | Self::NotTheOwner | Self::NotOffered => Kind::Forbidden,
            Self::OfferedToOwner | Self::LitresRise { .. } | Self::EnoughAttachments => {
                Kind::Invalid
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "WHISKEY_NOT_FOUND",
            Self::AlreadyRegistered => "CONFLICT",
            Self::IllegalState { .. } => "ILLEGAL_STATE",
            Self::OwnCask | Self::NotTheOwner | Self::NotOffered => "PERMISSION_DENIED",
            Self::OfferedToOwner | Self::LitresRise { .. } | Self::EnoughAttachments => {
                "VALIDATION_ERROR"
            }
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::IllegalState { state, command } => Some((state, command)),
            Self::Absent
            | Self::AlreadyRegistered
            | Self::OwnCask
            | Self::NotTheOwner
            | Self::NotOffered
            | Self::OfferedToOwner
            | Self::LitresRise { .. }
            | Self::EnoughAttachments => None,
        }
    }
}

impl Whiskey {
    fn fold(&mut self, event: WhiskeyEvent) {
        match event {
            WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol } => {
                *self = Self::Registered(Box::new(Entry {
                    owner,
                    details: *details,
                    stage: Stage::Pending,
                    original_litres_of_alcohol,
                    litres_of_alcohol: original_litres_of_alcohol,
                    regauged: false,
                    offered_to: None,
                    attachments: Vec::new(),
                }));
            }
            later => {
                if let Self::Registered(entry) = self {
                    entry.fold(later);
                }
            }
        }
    }

    /// The register entry, or why there is none.
    pub fn entry(&self) -> Result<&Entry, WhiskeyError> {
        match self {
            Self::Registered(entry) => Ok(entry),
            Self::Unregistered => Err(WhiskeyError::Absent),
        }
    }

    /// The entry, for its owner. Ownership first: the state of a cask is nobody else's business.
    fn entry_of(&self, owner: UserId) -> Result<&Entry, WhiskeyError> {
        let entry = self.entry()?;
        if entry.owner == owner { Ok(entry) } else { Err(WhiskeyError::NotTheOwner) }
    }

    /// The entry, for its owner or for whoever keeps the cask, as long as there is one to keep.
    fn entry_for(&self, recorder: Recorder, command: &'static str) -> Result<&Entry, WhiskeyError> {
        let entry = match recorder.is_keeper {
            true => self.entry()?,
            false => self.entry_of(recorder.user)?,
        };
        if entry.stage == Stage::Retired { Err(entry.illegal(command)) } else { Ok(entry) }
    }

    /// The entry, if it stands where the command needs it.
    fn entry_at(&self, stage: Stage, command: &'static str) -> Result<&Entry, WhiskeyError> {
        let entry = self.entry()?;
        entry.must_be_at(&[stage], command)?;
        Ok(entry)
    }
}

impl Entry {
    fn fold(&mut self, event: WhiskeyEvent) {
        match event {
            WhiskeyEvent::WhiskeyRegistered { .. } => {}
            WhiskeyEvent::WhiskeyCorrected { details, original_litres_of_alcohol } => {
                self.details = *details;
                self.original_litres_of_alcohol = original_litres_of_alcohol;
                self.litres_of_alcohol = original_litres_of_alcohol;
            }
            WhiskeyEvent::WhiskeyApproved { .. } => self.stage = Stage::Approved,
            WhiskeyEvent::WhiskeyRejected { .. } => self.stage = Stage::Rejected,
            WhiskeyEvent::WhiskeyResubmitted {} => self.stage = Stage::Pending,
            WhiskeyEvent::WhiskeyRevalued { value } => self.details.market_value = Some(value),
            WhiskeyEvent::WhiskeyRegauged { volume, alcohol_content, litres_of_alcohol } => {
                self.details.volume = volume;
                self.details.alcohol_content = alcohol_content;
                self.litres_of_alcohol = litres_of_alcohol;
                self.regauged = true;
            }
            WhiskeyEvent::WhiskeyMoved { location } => {
                self.details.storage_location = Some(location);
            }
            WhiskeyEvent::ConditionReported { condition } => {
                self.details.condition = Some(condition);
            }
            WhiskeyEvent::TransferOffered { to } => self.offered_to = Some(to),
            WhiskeyEvent::TransferWithdrawn {} => self.offered_to = None,
            WhiskeyEvent::TransferAccepted { to, .. } => {
                self.owner = to;
                self.offered_to = None;
            }
            WhiskeyEvent::TitleSettled { to, .. } => self.owner = to,
            WhiskeyEvent::FileAttached { file, role } => {
                self.attachments.push(Attachment { file, role });
            }
            WhiskeyEvent::FileDetached { file } => {
                self.attachments.retain(|attachment| attachment.file != file);
            }
            WhiskeyEvent::WhiskeyRetired { .. } => self.stage = Stage::Retired,
            WhiskeyEvent::TokenisationStarted { .. } => self.stage = Stage::Tokenising,
            WhiskeyEvent::TokenisationCompleted { .. } => self.stage = Stage::Tokenised,
            WhiskeyEvent::TokenisationFailed { .. } => self.stage = Stage::Approved,
        }
    }

    fn must_be_at(&self, stages: &[Stage], command: &'static str) -> Result<(), WhiskeyError> {
        if stages.contains(&self.stage) { Ok(()) } else { Err(self.illegal(command)) }
    }

    fn illegal(&self, command: &'static str) -> WhiskeyError {
        WhiskeyError::IllegalState { state: self.stage.name(), command }
    }

    /// What ends an offer that is open, before the cask goes where it cannot be offered.
    fn withdrawal(&self) -> Option<WhiskeyEvent> {
        self.offered_to.map(|_| WhiskeyEvent::TransferWithdrawn {})
    }
}

aggregate!(Whiskey, "whiskey", WhiskeyEvent, WhiskeyError, snapshot 4);

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

    pub fn not_tokenised() -> WhiskeyEvent {
        WhiskeyEvent::TokenisationFailed { network: "development".into() }
    }

    pub fn tokenised() -> WhiskeyEvent {
        WhiskeyEvent::TokenisationCompleted { network: "development".into() }
    }

    pub const BUYER: UserId = UserId::new(7_204_008);

    pub const fn by_owner() -> Recorder {
        Recorder { user: OWNER, is_keeper: false }
    }

    pub const fn by_keeper() -> Recorder {
        Recorder { user: JUDGE, is_keeper: true }
    }

    pub const fn by_stranger() -> Recorder {
        Recorder { user: BUYER, is_keeper: false }
    }

    pub fn corrected() -> WhiskeyEvent {
        let details = Details { volume: Fixed::from_units(24_000), ..details() };
        let original_litres_of_alcohol = details.litres_of_alcohol();
        WhiskeyEvent::WhiskeyCorrected { details: Box::new(details), original_litres_of_alcohol }
    }

    pub fn resubmitted() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyResubmitted {}
    }

    pub fn pounds(amount: &str) -> Money {
        let currency = super::details::Currency::parse("GBP").unwrap();
        Money { amount: Fixed::parse(amount).unwrap(), currency }
    }

    pub fn revalued() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyRevalued { value: pounds("4200") }
    }

    /// 240 litres at 60 %.
    pub fn regauged() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyRegauged {
            volume: Fixed::parse("240.00").unwrap(),
            alcohol_content: Fixed::parse("60.00").unwrap(),
            litres_of_alcohol: Fixed::parse("144.00").unwrap(),
        }
    }

    pub fn elsewhere() -> StorageLocation {
        StorageLocation { warehouse: "W9".into(), bond: None, position: None }
    }

    pub fn moved() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyMoved { location: elsewhere() }
    }

    pub fn reported() -> WhiskeyEvent {
        WhiskeyEvent::ConditionReported { condition: "sound".into() }
    }

    pub fn offered() -> WhiskeyEvent {
        WhiskeyEvent::TransferOffered { to: BUYER }
    }

    pub fn withdrawn() -> WhiskeyEvent {
        WhiskeyEvent::TransferWithdrawn {}
    }

    pub fn accepted() -> WhiskeyEvent {
        WhiskeyEvent::TransferAccepted { from: OWNER, to: BUYER }
    }

    pub const fn photograph() -> Attachment {
        Attachment { file: FileId::new(7_206_001), role: AttachmentRole::Image }
    }

    pub fn title_settled() -> WhiskeyEvent {
        WhiskeyEvent::TitleSettled { by: JUDGE, from: OWNER, to: BUYER }
    }

    pub fn attached() -> WhiskeyEvent {
        let Attachment { file, role } = photograph();
        WhiskeyEvent::FileAttached { file, role }
    }

    pub fn detached() -> WhiskeyEvent {
        WhiskeyEvent::FileDetached { file: photograph().file }
    }

    pub fn retired() -> WhiskeyEvent {
        WhiskeyEvent::WhiskeyRetired { reason: RetireReason::Bottled }
    }

    pub fn illegal(state: &'static str, command: &'static str) -> WhiskeyError {
        WhiskeyError::IllegalState { state, command }
    }
}
