//! Notices: what a person wants to be told of their casks, and by which way. Its id is the person's.
//! Letters about security are not asked for and cannot be declined.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::{Command, Decision, aggregate};
use crate::event::events;
use crate::id::UserId;
use crate::permission::Permission;
use crate::refusal::{Kind, Refusal};
use crate::replay::Lawful;

/// What may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A cask was approved or rejected.
    Judgement,
    /// A cask is offered, or has gone to whom it was offered.
    Transfer,
    /// A cask has its token.
    Token,
    /// Somebody else took a cask out of the register.
    Retirement,
    /// Somebody else valued, measured, moved or looked at a cask.
    Record,
}

impl Topic {
    pub const ALL: [Self; 5] =
        [Self::Judgement, Self::Transfer, Self::Token, Self::Retirement, Self::Record];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Judgement => "judgement",
            Self::Transfer => "transfer",
            Self::Token => "token",
            Self::Retirement => "retirement",
            Self::Record => "record",
        }
    }
}

/// Which ways something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    pub mail: bool,
    pub sms: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    chosen: BTreeMap<Topic, Ways>,
}

events! {
    pub enum NoticesEvent {
        NoticesChosen = "notices.chosen" v 1 { topic: Topic, ways: Ways },
    }
}

/// Nothing is refused here.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum NoticesError {}

impl Refusal for NoticesError {
    fn kind(&self) -> Kind {
        match *self {}
    }

    fn code(&self) -> &'static str {
        match *self {}
    }
}

impl Notices {
    fn fold(&mut self, event: NoticesEvent) {
        match event {
            NoticesEvent::NoticesChosen { topic, ways } => {
                self.chosen.insert(topic, ways);
            }
        }
    }

    /// As chosen; else by mail, except for what happens often.
    pub fn ways(&self, topic: Topic) -> Ways {
        let usual = Ways { mail: topic != Topic::Record, sms: false };
        self.chosen.get(&topic).copied().unwrap_or(usual)
    }
}

aggregate!(Notices, "notices", NoticesEvent, NoticesError, snapshot 1);

impl Lawful for Notices {
    fn causes(&self, event: &NoticesEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        let NoticesEvent::NoticesChosen { topic, ways } = event.clone();
        vec![Decision::of(ChooseNotices { choices: BTreeMap::from([(topic, ways)]) })]
    }
}

pub struct ChooseNotices {
    pub choices: BTreeMap<Topic, Ways>,
}

impl Command<Notices> for ChooseNotices {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, notices: &Notices) -> Result<Vec<NoticesEvent>, NoticesError> {
        let differs = |(topic, ways): &(&Topic, &Ways)| notices.ways(**topic) != **ways;
        let chosen = self.choices.iter().filter(differs);
        let chosen =
            chosen.map(|(topic, ways)| NoticesEvent::NoticesChosen { topic: *topic, ways: *ways });
        Ok(chosen.collect())
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub fn chosen(topic: Topic, mail: bool, sms: bool) -> NoticesEvent {
        NoticesEvent::NoticesChosen { topic, ways: Ways { mail, sms } }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::chosen;
    use super::*;
    use crate::command::scenario::given;

    fn choose(topic: Topic, mail: bool, sms: bool) -> ChooseNotices {
        ChooseNotices { choices: BTreeMap::from([(topic, Ways { mail, sms })]) }
    }

    #[test]
    fn what_differs_from_today_is_chosen() {
        let both = chosen(Topic::Transfer, true, true);
        given::<Notices>(vec![])
            .when(choose(Topic::Transfer, true, true))
            .then_expect_events(vec![both.clone()]);
        given::<Notices>(vec![both.clone()])
            .when(choose(Topic::Transfer, true, true))
            .then_expect_events(vec![]);
        given::<Notices>(vec![both])
            .when(choose(Topic::Transfer, true, false))
            .then_expect_events(vec![chosen(Topic::Transfer, true, false)]);
    }

    #[test]
    fn without_a_choice_there_are_mails_but_for_what_happens_often() {
        let notices = Notices::default();
        for topic in Topic::ALL {
            let mail = topic != Topic::Record;
            assert_eq!(notices.ways(topic), Ways { mail, sms: false });
        }
        given::<Notices>(vec![])
            .when(choose(Topic::Record, false, false))
            .then_expect_events(vec![]);
    }
}
