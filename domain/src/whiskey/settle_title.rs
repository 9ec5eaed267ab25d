//! A token transfer is no transfer of title: the warehousekeeper's record is what counts. Here they let the
//! title follow the token, for whoever has shown that they hold it; that was found out before.

use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct SettleTitle {
    pub by: UserId,
    /// The token's holder.
    pub to: UserId,
}

impl Command<Whiskey> for SettleTitle {
    const REQUIRES: Permission = Permission::APPROVE_WHISKEY;

    /// Settled already, there is nothing to do.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let Self { by, to } = *self;
        let entry = whiskey.entry_at(Stage::Tokenised, "settle the title")?;
        if by == to {
            return Err(WhiskeyError::OwnCask);
        }
        if entry.owner == to {
            return Ok(vec![]);
        }
        Ok(vec![WhiskeyEvent::TitleSettled { by, from: entry.owner, to }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::{Given, given};

    fn story(more: Vec<WhiskeyEvent>) -> Given<Whiskey> {
        given([vec![registered(), approved(), tokenising()], more].concat())
    }

    #[test]
    fn the_title_follows_the_token_once() {
        let settle = || SettleTitle { by: JUDGE, to: BUYER };
        story(vec![tokenised()]).when(settle()).then_expect_events(vec![title_settled()]);
        story(vec![tokenised(), title_settled()]).when(settle()).then_expect_events(vec![]);
        story(vec![tokenised()])
            .when(SettleTitle { by: JUDGE, to: OWNER })
            .then_expect_events(vec![]);
    }

    #[test]
    fn nobody_settles_it_in_their_own_favour() {
        story(vec![tokenised()])
            .when(SettleTitle { by: BUYER, to: BUYER })
            .then_expect_error(WhiskeyError::OwnCask);
    }

    #[test]
    fn where_there_is_no_token_there_is_nothing_to_settle() {
        let settle = || SettleTitle { by: JUDGE, to: BUYER };
        let error = |state| illegal(state, "settle the title");
        story(vec![]).when(settle()).then_expect_error(error("TOKENISING"));
        story(vec![tokenised(), retired()]).when(settle()).then_expect_error(error("RETIRED"));
    }
}
