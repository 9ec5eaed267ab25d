//! What a person is told of their casks, and by which way.

use std::collections::BTreeMap;

use commands::Commands;
use domain::notices::{Topic, Ways};
use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::field::{Parsed, Violations};
use crate::http::problem::Problem;

pub struct Notifications {
    pub commands: Commands,
}

/// By which ways. Short messages need a telephone number in the profile.
#[derive(Object)]
struct ChosenWays {
    mail: bool,
    sms: bool,
}

/// What I am told. Letters about security come in any case.
#[derive(Object)]
struct ChosenNotifications {
    /// A cask of mine was approved or rejected.
    judgement: ChosenWays,
    /// A cask is offered to me, or has gone to whom I offered it.
    transfer: ChosenWays,
    /// A cask of mine has its token.
    token: ChosenWays,
    /// Somebody else took a cask of mine out of the register.
    retirement: ChosenWays,
    /// Somebody else valued, measured, moved or looked at a cask of mine.
    record: ChosenWays,
}

impl ChosenNotifications {
    fn of(ways: &BTreeMap<Topic, Ways>) -> Self {
        let chosen = |topic| {
            let Ways { mail, sms } =
                ways.get(&topic).copied().unwrap_or(Ways { mail: false, sms: false });
            ChosenWays { mail, sms }
        };
        Self {
            judgement: chosen(Topic::Judgement),
            transfer: chosen(Topic::Transfer),
            token: chosen(Topic::Token),
            retirement: chosen(Topic::Retirement),
            record: chosen(Topic::Record),
        }
    }
}

/// What is left out stays as it is.
#[derive(Object)]
struct ChooseNotificationsBody {
    judgement: Parsed<Ways>,
    transfer: Parsed<Ways>,
    token: Parsed<Ways>,
    retirement: Parsed<Ways>,
    record: Parsed<Ways>,
}

impl Checked for ChooseNotificationsBody {
    type Value = BTreeMap<Topic, Ways>;

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let mut chosen = BTreeMap::new();
        let fields = [
            (Topic::Judgement, self.judgement),
            (Topic::Transfer, self.transfer),
            (Topic::Token, self.token),
            (Topic::Retirement, self.retirement),
            (Topic::Record, self.record),
        ];
        for (topic, field) in fields {
            let ways = violations.optional(topic.word(), field).flatten();
            chosen.extend(ways.map(|ways| (topic, ways)));
        }
        Some(chosen)
    }
}

#[OpenApi(tag = "Tag::Users")]
impl Notifications {
    /// What I am told of my casks
    #[oai(path = "/users/me/notifications", method = "get", operation_id = "notifications")]
    async fn notifications(&self, caller: Caller) -> Result<Found<ChosenNotifications>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let (sequence, ways) = self.commands.notices(&asked).await?;
        Ok(Found::new(ChosenNotifications::of(&ways)).at_sequence(sequence))
    }

    /// Choose what I am told of my casks, and by which way
    #[oai(path = "/users/me/notifications", method = "put", operation_id = "choose_notifications")]
    async fn choose_notifications(
        &self,
        caller: Caller,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<ChooseNotificationsBody>,
    ) -> Result<Found<ChosenNotifications>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let done = self.commands.choose_notices(&asked, body.value).await?;
        let (_, ways) = self.commands.notices(&asked).await?;
        Ok(Found::new(ChosenNotifications::of(&ways)).done(&done))
    }
}
