//! Replaying streams through their rules, as an auditor does: whether each event is one that its
//! aggregate could have brought about at that point.
//!
//! Commands are not in the log. From an event it is told which commands may have brought it about, and
//! at least one of them, decided anew upon the state of then, has to give that very event.

use std::collections::HashMap;

use cqrs_es::DomainEvent;
use cqrs_es::persist::SerializedEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::command::{Decision, Root};
use crate::id::UserId;
use crate::moment::Moment;
use crate::personal::{CLEAR_KEY, SEALED_KEY};
use crate::upcast::decode;

/// An aggregate whose events can be traced back to commands.
pub trait Lawful: Root {
    /// The commands that may have brought an event about; `by` is the person who gave them, if it was
    /// a person. None: nothing is known of such events but what they do.
    fn causes(&self, event: &Self::Event, by: Option<UserId>) -> Vec<Decision<Self>>;
}

/// What one command did has this in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    pub correlation: String,
    pub at: Moment,
    pub by: Option<UserId>,
}

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    Undecodable(String),
    Illegal(String),
}

/// All streams of a log, as far as they have been replayed.
#[derive(Default)]
pub struct Replay {
    streams: HashMap<(String, String), Box<dyn Stream>>,
    /// By cask: what began its tokenisation last.
    tokenising: HashMap<String, Deed>,
    /// Whether streams are there without those beside them.
    apart: bool,
}

impl Replay {
    /// Of single streams, which say nothing of each other.
    pub fn apart() -> Self {
        Self { apart: true, ..Self::default() }
    }

    /// The next event of its stream. Says whether it was judged: there are some that are only
    /// replayed.
    pub fn next(&mut self, stored: SerializedEvent, deed: Deed) -> Result<bool, Doubt> {
        let beside = self.beside(&stored, &deed);
        let key = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        let stream = match self.streams.entry(key) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let unknown = || Doubt::Undecodable(format!("no {} is known", new.key().0));
                let stream = begin(&new.key().0).ok_or_else(unknown)?;
                new.insert(stream)
            }
        };
        let judged = stream.next(stored, deed);
        beside.and(judged)
    }

    /// What one command does to two aggregates: a token is ordered as the tokenisation of its cask begins,
    /// and that, by the cask's own rules, is approved.
    fn beside(&mut self, stored: &SerializedEvent, deed: &Deed) -> Result<(), Doubt> {
        let id = &stored.aggregate_id;
        match stored.event_type.as_str() {
            "whiskey.tokenisation_started" => {
                self.tokenising.insert(id.clone(), deed.clone());
                Ok(())
            }
            "nft.mint_requested" if !self.apart && self.tokenising.get(id) != Some(deed) => {
                Err(Doubt::Illegal("no tokenisation of its cask begins with it".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an event, of whatever version, is one that is known here.
pub fn is_readable(stored: SerializedEvent) -> Result<(), Doubt> {
    let unknown = || Doubt::Undecodable(format!("no {} is known", stored.aggregate_type));
    let stream = begin(&stored.aggregate_type).ok_or_else(unknown)?;
    stream.is_readable(stored)
}

/// A stream of this type, before its first event.
fn begin(aggregate_type: &str) -> Option<Box<dyn Stream>> {
    fn of<A: Lawful>() -> Option<Box<dyn Stream>>
    where
        A::Event: Serialize + DeserializeOwned,
    {
        Some(Box::new(Replayed::<A> { state: A::default(), going_on: None }))
    }
    match aggregate_type {
        "tenant" => of::<crate::tenant::Tenant>(),
        "user" => of::<crate::user::User>(),
        "session" => of::<crate::session::Session>(),
        "devices" => of::<crate::devices::Devices>(),
        "sign_in_codes" => of::<crate::sign_in_codes::SignInCodes>(),
        "sign_in_guard" => of::<crate::sign_in_guard::SignInGuard>(),
        "sign_ins" => of::<crate::sign_ins::SignIns>(),
        "whiskey" => of::<crate::whiskey::Whiskey>(),
        "notices" => of::<crate::notices::Notices>(),
        "file" => of::<crate::file::File>(),
        "shelf" => of::<crate::shelf::Shelf>(),
        "nft" => of::<crate::nft::Nft>(),
        "lane" => of::<crate::lane::Lane>(),
        "contract" => of::<crate::contract::Contract>(),
        "deployment" => of::<crate::deployment::Deployment>(),
        "ledger" => of::<crate::ledger::Ledger>(),
        _ => None,
    }
}

trait Stream {
    fn next(&mut self, stored: SerializedEvent, deed: Deed) -> Result<bool, Doubt>;
    fn is_readable(&self, stored: SerializedEvent) -> Result<(), Doubt>;
}

struct Replayed<A: Lawful> {
    state: A,
    /// A command may bring about several events.
    going_on: Option<GoingOn<A>>,
}

/// A deed that may not be over.
struct GoingOn<A: Lawful> {
    deed: Deed,
    before: A,
    since: Vec<A::Event>,
}

impl<A: Lawful> Stream for Replayed<A>
where
    A::Event: Serialize + DeserializeOwned,
{
    fn next(&mut self, stored: SerializedEvent, deed: Deed) -> Result<bool, Doubt> {
        let event: A::Event = read(stored)?;
        let by = deed.by;
        let before = || GoingOn { deed: deed.clone(), before: self.state.clone(), since: vec![] };
        if self.going_on.as_ref().is_none_or(|going_on| going_on.deed != deed) {
            self.going_on = Some(before());
        }
        let verdict = self.judge(&event, by);
        if let Some(going_on) = &mut self.going_on {
            going_on.since.push(event.clone());
        }
        self.state.apply(event);
        verdict
    }

    fn is_readable(&self, stored: SerializedEvent) -> Result<(), Doubt> {
        read::<A::Event>(stored).map(drop)
    }
}

/// In today's shape.
fn read<E: DeserializeOwned + DomainEvent>(stored: SerializedEvent) -> Result<E, Doubt> {
    decode(stored).map_err(|error| Doubt::Undecodable(error.to_string()))
}

impl<A: Lawful> Replayed<A>
where
    A::Event: Serialize,
{
    /// Whether some command gives the event now; or gave it, before the deed that is going on, next
    /// after all that came of it since.
    fn judge(&self, event: &A::Event, by: Option<UserId>) -> Result<bool, Doubt> {
        let causes = self.state.causes(event, by);
        if causes.is_empty() {
            return Ok(false);
        }
        let mut refusal = None;
        for cause in causes {
            match cause.decide(&self.state) {
                Ok(decided) if decided.iter().any(|one| is_same::<A>(one, event)) => {
                    return Ok(true);
                }
                Ok(_) => {}
                Err(error) => refusal = refusal.or(Some(error.to_string())),
            }
        }
        if let Some(GoingOn { before, since, .. }) = &self.going_on
            && !since.is_empty()
        {
            let so_far: Vec<&A::Event> = since.iter().chain([event]).collect();
            let gave_them = |decided: Vec<A::Event>| {
                decided.len() >= so_far.len()
                    && decided.iter().zip(&so_far).all(|(one, other)| is_same::<A>(one, other))
            };
            let causes = before.causes(event, by);
            if causes.into_iter().any(|cause| cause.decide(before).is_ok_and(&gave_them)) {
                return Ok(true);
            }
        }
        let without_reason = || "no command gives this event here".to_owned();
        Err(Doubt::Illegal(refusal.unwrap_or_else(without_reason)))
    }
}

/// Whether two events are the same, but for what is personal: that is in the clear where it is
/// decided, and sealed where it is stored.
fn is_same<A: Lawful>(decided: &A::Event, stored: &A::Event) -> bool
where
    A::Event: Serialize,
{
    let blank = |event: &A::Event| serde_json::to_value(event).map(without_personal).ok();
    decided == stored || blank(decided) == blank(stored)
}

fn without_personal(value: Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key(CLEAR_KEY) || map.contains_key(SEALED_KEY) => {
            json!("personal")
        }
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key, without_personal(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_personal).collect(),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::samples::{opened, refreshed, reused, revoked};
    use crate::session::{EndReason, SessionEvent};
    use crate::whiskey::WhiskeyEvent;
    use crate::whiskey::samples::*;

    /// What becomes of these events, each of a deed of its own or all of one.
    fn replayed<E: DomainEvent + Serialize>(
        aggregate: &str,
        events: Vec<E>,
        in_one: bool,
    ) -> Vec<Result<bool, Doubt>> {
        through(&mut Replay::default(), aggregate, events, in_one)
    }

    fn through<E: DomainEvent + Serialize>(
        replay: &mut Replay,
        aggregate: &str,
        events: Vec<E>,
        in_one: bool,
    ) -> Vec<Result<bool, Doubt>> {
        let mut sequence = 0;
        let mut next = |event: E| {
            sequence += 1;
            let version = event.event_version();
            let data = serde_json::to_value(&event).unwrap()["data"].clone();
            let (name, id) = (aggregate.to_owned(), "1".to_owned());
            let stored = SerializedEvent::new(
                id,
                sequence,
                name,
                event.event_type(),
                version,
                sealed(data),
                Value::Null,
            );
            let number = if in_one { 1 } else { sequence };
            let correlation = number.to_string();
            replay.next(stored, Deed { correlation, at: Moment::from_unix_ms(0), by: Some(OWNER) })
        };
        events.into_iter().map(&mut next).collect()
    }

    /// Events are read as they are stored.
    fn sealed(value: Value) -> Value {
        match value {
            Value::Object(map) if map.contains_key(CLEAR_KEY) => {
                let clear = &map[CLEAR_KEY];
                json!({ SEALED_KEY: {
                    "subject": clear["subject"], "purpose": clear["purpose"],
                    "salt": "", "hash": "", "commitment": "",
                } })
            }
            Value::Object(map) => map.into_iter().map(|(key, it)| (key, sealed(it))).collect(),
            plain => plain,
        }
    }

    fn refused(outcome: &Result<bool, Doubt>, words: &str) -> bool {
        matches!(outcome, Err(Doubt::Illegal(what)) if what.contains(words))
    }

    #[test]
    fn what_the_rules_give_is_lawful() {
        let life = vec![registered(), approved(), offered(), accepted()];
        assert!(replayed("whiskey", life, false).iter().all(|it| *it == Ok(true)));
        let session = vec![opened(false), refreshed(1, 600)];
        assert!(replayed("session", session, false).iter().all(|it| *it == Ok(true)));
    }

    #[test]
    fn what_no_rule_gives_is_not() {
        let twice = replayed("whiskey", vec![registered(), approved(), approved()], false);
        assert!(refused(&twice[2], "while the whiskey is APPROVED"), "{twice:?}");
        let own = WhiskeyEvent::WhiskeyApproved { by: OWNER };
        let own = replayed("whiskey", vec![registered(), own], false);
        assert!(refused(&own[1], "an owner does not judge"), "{own:?}");
        let stolen = replayed("whiskey", vec![registered(), approved(), accepted()], false);
        assert!(refused(&stolen[2], "not offered"), "{stolen:?}");
        let absent = replayed("whiskey", vec![approved()], false);
        assert!(refused(&absent[0], "no such whiskey"), "{absent:?}");
        // Given by a command, but not like this.
        let WhiskeyEvent::WhiskeyRegistered { owner, details, .. } = registered() else {
            panic!("not a registration");
        };
        let original_litres_of_alcohol = crate::fixed::Fixed::from_units(1);
        let more = WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol };
        assert!(refused(&replayed("whiskey", vec![more], false)[0], "no command gives"));
    }

    #[test]
    fn of_one_deed_the_events_are_those_of_one_command_in_their_order() {
        let copied =
            vec![opened(false), refreshed(1, 600), reused(0), revoked(EndReason::TokenReused)];
        assert!(replayed("session", copied, true).iter().all(|it| *it == Ok(true)));
        // The same again is not of the deed.
        let twice = vec![registered(), approved(), approved()];
        assert!(replayed("whiskey", twice, true)[2].is_err());
        let opened_twice: Vec<SessionEvent> = vec![opened(false), opened(false)];
        assert!(replayed("session", opened_twice, true)[1].is_err());
    }

    #[test]
    fn a_token_is_ordered_as_the_tokenisation_of_its_cask_begins() {
        use crate::nft::samples::requested;
        let ordered = |replay: &mut Replay, deed: u8| {
            let data = serde_json::to_value(requested()).unwrap()["data"].clone();
            let (kind, name) = ("nft".to_owned(), "nft.mint_requested".to_owned());
            let version = requested().event_version();
            let stored =
                SerializedEvent::new("1".into(), 1, kind, name, version, data, Value::Null);
            let (correlation, at) = (deed.to_string(), Moment::from_unix_ms(0));
            replay.next(stored, Deed { correlation, at, by: Some(OWNER) })
        };
        let mut replay = Replay::default();
        let cask = [registered(), approved(), tokenising()];
        assert!(through(&mut replay, "whiskey", cask.to_vec(), false).iter().all(Result::is_ok));
        assert_eq!(ordered(&mut replay, 3), Ok(true));
        for (cask, deed) in [
            (vec![], 3),
            (vec![registered()], 1),
            (vec![registered(), approved()], 2),
            (vec![registered(), approved(), tokenising()], 4),
        ] {
            let mut replay = Replay::default();
            through(&mut replay, "whiskey", cask, false);
            assert!(refused(&ordered(&mut replay, deed), "no tokenisation of its cask"));
        }
        assert_eq!(ordered(&mut Replay::apart(), 1), Ok(true));
    }

    #[test]
    fn a_version_that_nobody_here_has_written_is_not_read() {
        let data = serde_json::to_value(registered()).unwrap()["data"].clone();
        let version = registered().event_version().parse::<u32>().unwrap() + 1;
        let stored = SerializedEvent::new(
            "1".into(),
            1,
            "whiskey".into(),
            "whiskey.registered".into(),
            version.to_string(),
            sealed(data),
            Value::Null,
        );
        let unread = is_readable(stored);
        let words = format!("version {version} is not known");
        assert!(matches!(&unread, Err(Doubt::Undecodable(what)) if what.contains(&words)));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let nobodys = replayed("barrel", vec![registered()], false);
        assert!(matches!(&nobodys[0], Err(Doubt::Undecodable(_))));
        let of_another = replayed("session", vec![registered()], false);
        assert!(matches!(&of_another[0], Err(Doubt::Undecodable(_))));
    }

    #[test]
    fn every_aggregate_there_is_can_be_replayed() {
        for (name, _) in crate::catalogue::types() {
            let aggregate = name.split('.').next().unwrap();
            assert!(begin(aggregate).is_some(), "{name}");
        }
    }
}
