//! What an event makes of a cask.

use domain::id::UserId;
use domain::whiskey::{Attachment, Stage, WhiskeyEvent};
use eventstore::Recorded;
use eventstore::recorded::Undecodable;
use sqlx::types::Json;

use super::WhiskeyRow;
use crate::users::at;

impl WhiskeyRow {
    /// The cask after an event; none, as long as it is not registered.
    pub(crate) fn after(
        before: Option<Self>,
        event: &Recorded,
        happened: WhiskeyEvent,
    ) -> Result<Option<Self>, Undecodable> {
        let when = at(event.metadata.occurred_at);
        if let WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol } =
            happened
        {
            return Ok(Some(Self {
                whiskey_id: event.id()?,
                sequence: event.sequence,
                owner: owner.value(),
                status: Stage::Pending.name().to_owned(),
                original_litres_of_alcohol: original_litres_of_alcohol.to_string(),
                regauged_litres_of_alcohol: None,
                details: Json(*details),
                rejection_reason: None,
                network: None,
                offered_to: None,
                retire_reason: None,
                attachments: Json(Vec::new()),
                registered_at: when,
                changed_at: when,
            }));
        }
        Ok(before.map(|mut row| {
            row.change(happened);
            (row.sequence, row.changed_at) = (event.sequence, when);
            row
        }))
    }

    fn change(&mut self, happened: WhiskeyEvent) {
        let details = &mut self.details.0;
        match happened {
            WhiskeyEvent::WhiskeyRegistered { .. } => {}
            WhiskeyEvent::WhiskeyCorrected { details: right, original_litres_of_alcohol } => {
                *details = *right;
                self.original_litres_of_alcohol = original_litres_of_alcohol.to_string();
            }
            WhiskeyEvent::WhiskeyApproved { .. } => self.enter(Stage::Approved),
            WhiskeyEvent::WhiskeyRejected { reason, .. } => {
                self.enter(Stage::Rejected);
                self.rejection_reason = Some(reason);
            }
            WhiskeyEvent::WhiskeyResubmitted {} => self.enter(Stage::Pending),
            WhiskeyEvent::WhiskeyRevalued { value } => details.market_value = Some(value),
            WhiskeyEvent::WhiskeyRegauged { volume, alcohol_content, litres_of_alcohol } => {
                (details.volume, details.alcohol_content) = (volume, alcohol_content);
                self.regauged_litres_of_alcohol = Some(litres_of_alcohol.to_string());
            }
            WhiskeyEvent::WhiskeyMoved { location } => details.storage_location = Some(location),
            WhiskeyEvent::ConditionReported { condition } => details.condition = Some(condition),
            WhiskeyEvent::TransferOffered { to } => self.offered_to = Some(to.value()),
            WhiskeyEvent::TransferWithdrawn {} => self.offered_to = None,
            WhiskeyEvent::TransferAccepted { to, .. } | WhiskeyEvent::TitleSettled { to, .. } => {
                self.belong_to(to);
            }
            WhiskeyEvent::FileAttached { file, role } => {
                self.attachments.push(Attachment { file, role });
            }
            WhiskeyEvent::FileDetached { file } => self.attachments.retain(|it| it.file != file),
            WhiskeyEvent::WhiskeyRetired { reason } => {
                self.enter(Stage::Retired);
                self.retire_reason = Some(reason.word().to_owned());
            }
            WhiskeyEvent::TokenisationStarted { network } => {
                self.enter(Stage::Tokenising);
                self.network = Some(network);
            }
            WhiskeyEvent::TokenisationFailed { .. } => {
                self.enter(Stage::Approved);
                self.network = None;
            }
            WhiskeyEvent::TokenisationCompleted { network } => {
                self.enter(Stage::Tokenised);
                self.network = Some(network);
            }
        }
    }

    /// A reason to reject is of the last judgement only.
    fn enter(&mut self, stage: Stage) {
        self.status = stage.name().to_owned();
        self.rejection_reason = None;
    }

    fn belong_to(&mut self, owner: UserId) {
        self.owner = owner.value();
        self.offered_to = None;
    }
}
