//! Which commands may have brought a cask's events about.

use super::details::Details;
use super::{
    AcceptTransfer, AddAttachment, ApproveWhiskey, Attachment, CompleteTokenisation,
    CorrectWhiskey, GiveUpTokenisation, MoveWhiskey, OfferTransfer, Recorder, RegaugeWhiskey,
    RegisterWhiskey, RejectWhiskey, ReportCondition, ResubmitWhiskey, RetireWhiskey,
    RevalueWhiskey, SettleTitle, StartTokenisation, StartTokenisationForOwner, Whiskey,
    WhiskeyEvent, WithdrawAttachment, WithdrawTransfer,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for Whiskey {
    fn causes(&self, event: &WhiskeyEvent, by: Option<UserId>) -> Vec<Decision<Self>> {
        let owner = self.entry().map_or(UserId::new(0), |entry| entry.owner);
        let person = by.unwrap_or(owner);
        // Whether somebody keeps casks for others stands in their roles, not here.
        let recorder = Recorder { user: person, is_keeper: true };
        let plain = |details: &Details| details.clone();
        vec![match event {
            WhiskeyEvent::WhiskeyRegistered { owner, details, .. } => {
                Decision::of(RegisterWhiskey { owner: *owner, details: plain(details) })
            }
            WhiskeyEvent::WhiskeyApproved { by } => Decision::of(ApproveWhiskey { by: *by }),
            WhiskeyEvent::WhiskeyRejected { by, reason } => {
                Decision::of(RejectWhiskey { by: *by, reason: reason.clone() })
            }
            WhiskeyEvent::WhiskeyCorrected { details, .. } => {
                Decision::of(CorrectWhiskey { by: person, details: plain(details) })
            }
            WhiskeyEvent::WhiskeyResubmitted {} => Decision::of(ResubmitWhiskey { by: person }),
            WhiskeyEvent::WhiskeyRevalued { value } => {
                Decision::of(RevalueWhiskey { by: recorder, value: value.clone() })
            }
            WhiskeyEvent::WhiskeyRegauged { volume, alcohol_content, .. } => {
                let (volume, alcohol_content) = (*volume, *alcohol_content);
                Decision::of(RegaugeWhiskey { by: recorder, volume, alcohol_content })
            }
            WhiskeyEvent::WhiskeyMoved { location } => {
                Decision::of(MoveWhiskey { by: recorder, location: location.clone() })
            }
            WhiskeyEvent::ConditionReported { condition } => {
                Decision::of(ReportCondition { by: recorder, condition: condition.clone() })
            }
            WhiskeyEvent::TransferOffered { to } => {
                Decision::of(OfferTransfer { by: person, to: *to })
            }
            // Withdrawn by its owner, or with what makes it void, which others may do.
            WhiskeyEvent::TransferWithdrawn {} => Decision::of(WithdrawTransfer { by: owner }),
            WhiskeyEvent::TransferAccepted { to, .. } => Decision::of(AcceptTransfer { by: *to }),
            WhiskeyEvent::TitleSettled { by, to, .. } => {
                Decision::of(SettleTitle { by: *by, to: *to })
            }
            WhiskeyEvent::FileAttached { file, role } => {
                let attachment = Attachment { file: *file, role: *role };
                Decision::of(AddAttachment { by: recorder, attachment })
            }
            WhiskeyEvent::FileDetached { file } => Decision::of(WithdrawAttachment { file: *file }),
            WhiskeyEvent::WhiskeyRetired { reason } => {
                Decision::of(RetireWhiskey { by: recorder, reason: *reason })
            }
            WhiskeyEvent::TokenisationStarted { network } => {
                let network = network.clone();
                let for_owner = StartTokenisationForOwner { network: network.clone() };
                return vec![
                    Decision::of(StartTokenisation { by: person, network }),
                    Decision::of(for_owner),
                ];
            }
            WhiskeyEvent::TokenisationCompleted { network } => {
                Decision::of(CompleteTokenisation { network: network.clone() })
            }
            WhiskeyEvent::TokenisationFailed { network } => {
                Decision::of(GiveUpTokenisation { network: network.clone() })
            }
        }]
    }
}
