//! Which commands may have brought the events of mailed codes about.

use super::{
    AcceptCode, AskCode, AskCodeAgain, SignInCodes, SignInCodesEvent, TryCode, WithdrawCodes,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::moment::Moment;
use crate::replay::Lawful;

impl Lawful for SignInCodes {
    fn causes(&self, event: &SignInCodesEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event.clone() {
            SignInCodesEvent::CodeAsked { challenge, at, sign_in, .. } => {
                Decision::of(AskCode { challenge, sign_in, now: at })
            }
            SignInCodesEvent::CodeAskedAgain { challenge, at, .. } => {
                Decision::of(AskCodeAgain { challenge, now: at })
            }
            SignInCodesEvent::CodeTried { challenge, at, .. } => {
                Decision::of(TryCode { challenge, now: at })
            }
            // When it was accepted is not in the event.
            SignInCodesEvent::CodeAccepted { challenge } => {
                Decision::of(AcceptCode { challenge, now: Moment::from_unix_ms(0) })
            }
            SignInCodesEvent::CodesWithdrawn {} => Decision::of(WithdrawCodes),
        }]
    }
}
