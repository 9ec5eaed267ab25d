//! No code that was mailed before is good any more, and counting begins again: there is a new
//! password, set by whoever reads the owner's mail or knew the old one.

use super::{SignInCodes, SignInCodesError, SignInCodesEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct WithdrawCodes;

impl Command<SignInCodes> for WithdrawCodes {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, codes: &SignInCodes) -> Result<Vec<SignInCodesEvent>, SignInCodesError> {
        if *codes == SignInCodes::default() {
            return Ok(vec![]);
        }
        Ok(vec![SignInCodesEvent::CodesWithdrawn {}])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn there_is_something_to_withdraw_or_there_is_not() {
        given::<SignInCodes>(vec![]).when(WithdrawCodes).then_expect_events(vec![]);
        given::<SignInCodes>(vec![asked(1, 0)])
            .when(WithdrawCodes)
            .then_expect_events(vec![SignInCodesEvent::CodesWithdrawn {}]);
    }
}
