//! Replaying streams through their rules, as an auditor does: whether each event is one that its
//! aggregate could have brought about at that point.
//!
//! Commands are not in the log. From an event it is told which commands may have brought it about, and
//! at least one of them, decided anew upon the state of then, has to give that very event.

use std::collections::HashMap;

use cqrs_es::persist::SerializedEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::command::{Decision, Root};
use crate::id::UserId;
use crate::moment::Moment;
use crate::personal::{CLEAR_KEY, SEALED_KEY};
use crate::upcast::upcast;

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
}

impl Replay {
    /// The next event of its stream. Says whether it was judged: there are some that are only
    /// replayed.
    pub fn next(&mut self, stored: SerializedEvent, deed: Deed) -> Result<bool, Doubt> {
        let key = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        let stream = match self.streams.entry(key) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let unknown = || Doubt::Undecodable(format!("no {} is known", new.key().0));
                let stream = begin(&new.key().0).ok_or_else(unknown)?;
                new.insert(stream)
            }
        };
        stream.next(stored, deed)
    }
}

/// A stream of this type, before its first event.
fn begin(aggregate_type: &str) -> Option<Box<dyn Stream>> {
    fn of<A: Lawful>() -> Option<Box<dyn Stream>>
    where
        A::Event: Serialize + DeserializeOwned,
    {
        Some(Box::new(Replayed::<A> { state: A::default(), before: None }))
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
        "ledger" => of::<crate::ledger::Ledger>(),
        _ => None,
    }
}

trait Stream {
    fn next(&mut self, stored: SerializedEvent, deed: Deed) -> Result<bool, Doubt>;
}

struct Replayed<A> {
    state: A,
    /// The state before the deed that is going on: a command may bring about several events.
    before: Option<(Deed, A)>,
}

impl<A: Lawful> Stream for Replayed<A>
where
    A::Event: Serialize + DeserializeOwned,
{
    fn next(&mut self, stored: SerializedEvent, deed: Deed) -> Result<bool, Doubt> {
        let current = upcast(stored);
        let tagged = json!({ "type": current.event_type, "data": current.payload });
        let unreadable = |error: serde_json::Error| Doubt::Undecodable(error.to_string());
        let event: A::Event = serde_json::from_value(tagged).map_err(unreadable)?;
        if self.before.as_ref().is_none_or(|(former, _)| *former != deed) {
            self.before = Some((deed.clone(), self.state.clone()));
        }
        let verdict = self.judge(&event, deed.by);
        self.state.apply(event);
        verdict
    }
}

impl<A: Lawful> Replayed<A>
where
    A::Event: Serialize,
{
    fn judge(&self, event: &A::Event, by: Option<UserId>) -> Result<bool, Doubt> {
        let states = [Some(&self.state), self.before.as_ref().map(|(_, before)| before)];
        let (mut judged, mut refusal) = (false, None);
        for state in states.into_iter().flatten() {
            for cause in state.causes(event, by) {
                judged = true;
                match cause.decide(state) {
                    Ok(events) if events.iter().any(|decided| is_same::<A>(decided, event)) => {
                        return Ok(true);
                    }
                    Ok(_) => {}
                    Err(error) => refusal = refusal.or(Some(error.to_string())),
                }
            }
        }
        match (judged, refusal) {
            (false, _) => Ok(false),
            (true, Some(refusal)) => Err(Doubt::Illegal(refusal)),
            (true, None) => Err(Doubt::Illegal("no command gives this event here".to_owned())),
        }
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
