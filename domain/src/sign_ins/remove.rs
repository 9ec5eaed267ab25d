//! One session less.

use super::{SignIns, SignInsError, SignInsEvent};
use crate::command::Command;
use crate::id::SessionId;
use crate::permission::Permission;

pub struct RemoveSession {
    pub session: SessionId,
}

impl Command<SignIns> for RemoveSession {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, sign_ins: &SignIns) -> Result<Vec<SignInsEvent>, SignInsError> {
        let listed = sign_ins.sessions().any(|session| session == self.session);
        Ok(if listed {
            vec![SignInsEvent::SessionRemoved { session: self.session }]
        } else {
            vec![]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn only_what_is_listed_is_removed() {
        let remove = |session| RemoveSession { session: SessionId::new(session) };
        given::<SignIns>(vec![added(1, 100), added(2, 100)])
            .when(remove(1))
            .then_expect_events(vec![removed(1)]);
        given::<SignIns>(vec![added(1, 100)]).when(remove(2)).then_expect_events(vec![]);
    }
}
