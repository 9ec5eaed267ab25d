//! The password was wrong: noted for whoever's account it was, in the same steps if it was nobody's.

use super::{SignInGuard, SignInGuardError, SignInGuardEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

pub struct RecordFailure {
    pub user: Option<UserId>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

impl Command<SignInGuard> for RecordFailure {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// Where a stranger came from is nobody's to look at: it is not kept.
    fn decide(&self, _: &SignInGuard) -> Result<Vec<SignInGuardEvent>, SignInGuardError> {
        let secure = |text: &Option<String>| {
            let (user, text) = (self.user?, text.clone()?);
            Some(Personal::new(user, Purpose::Security, text))
        };
        Ok(vec![SignInGuardEvent::AttemptFailed {
            user: self.user,
            address: secure(&self.address),
            user_agent: secure(&self.user_agent),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_stranger_s_address_is_not_kept() {
        let failure =
            |user| RecordFailure { user, address: Some("203.0.113.7".into()), user_agent: None };
        let failed =
            |user, address| SignInGuardEvent::AttemptFailed { user, address, user_agent: None };
        let moira = UserId::new(7_204_001);
        let address = Personal::new(moira, Purpose::Security, "203.0.113.7".to_owned());
        given::<SignInGuard>(vec![])
            .when(failure(Some(moira)))
            .then_expect_events(vec![failed(Some(moira), Some(address))]);
        given::<SignInGuard>(vec![])
            .when(failure(None))
            .then_expect_events(vec![failed(None, None)]);
    }
}
