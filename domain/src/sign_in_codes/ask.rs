//! The password was right, and the tenant wants a code as well.

use super::{CODE_LIFE, SignInCodes, SignInCodesError, SignInCodesEvent, SignInDetails};
use crate::command::Command;
use crate::id::ChallengeId;
use crate::moment::Moment;
use crate::permission::Permission;

pub struct AskCode {
    pub challenge: ChallengeId,
    pub sign_in: SignInDetails,
    pub now: Moment,
}

impl AskCode {
    pub fn expires_at(&self) -> Moment {
        self.now.plus(CODE_LIFE)
    }
}

impl Command<SignInCodes> for AskCode {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, codes: &SignInCodes) -> Result<Vec<SignInCodesEvent>, SignInCodesError> {
        codes.may_be_mailed(self.now)?;
        Ok(vec![SignInCodesEvent::CodeAsked {
            challenge: self.challenge,
            at: self.now,
            expires_at: self.expires_at(),
            sign_in: self.sign_in.clone(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn ask(challenge: i64, minute: i64) -> AskCode {
        let challenge = ChallengeId::new(challenge);
        AskCode { challenge, sign_in: details(), now: at(minute) }
    }

    #[test]
    fn ten_letters_an_hour() {
        let nine: Vec<_> = (0..9).map(|n| asked(n + 1, n)).collect();
        let ten = [nine.clone(), vec![asked_again(9, 1, 9)]].concat();
        given::<SignInCodes>(nine).when(ask(11, 10)).then_expect_events(vec![asked(11, 10)]);
        given::<SignInCodes>(ten.clone())
            .when(ask(11, 59))
            .then_expect_error(SignInCodesError::TooManyLetters);
        given::<SignInCodes>(ten).when(ask(11, 60)).then_expect_events(vec![asked(11, 60)]);
    }
}
