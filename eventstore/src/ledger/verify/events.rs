//! The events: whether each is the one at its place, in order, decodes, and follows from the rules.

use std::collections::HashMap;
use std::io::BufReader;

use cqrs_es::persist::SerializedEvent;
use domain::ledger::{Ledger, LedgerEvent};
use domain::moment::Moment;
use domain::permission::ActorType;
use domain::replay::{Deed, Doubt, Replay, is_readable};
use serde_json::Value;

use super::super::bundle::{BLOCK, BundleError, Line, Lines, Scope, blocks};
use super::super::checkpoint::Checkpoint;
use super::super::hash::{self, Hash};
use super::super::leaf;
use super::super::tile::{Asked, WIDTH};
use super::{Audit, Claim, Restore};
use crate::recorded::Recorded;

/// What has been seen of the events.
#[derive(Default)]
struct Seen {
    events: u64,
    /// By stream, its last sequence.
    streams: HashMap<(Box<str>, Box<str>), i64>,
    /// By tenant, its last tenant position.
    tenants: HashMap<i64, i64>,
    recorded_at: Option<Moment>,
    ruled: u64,
    unruled: u64,
}

impl Audit<'_> {
    pub(super) fn events(
        &mut self,
        head: &Checkpoint,
        mut tell: impl FnMut(u64),
    ) -> Result<(), BundleError> {
        let mut seen = Seen::default();
        let mut replay = match &self.contents.scope {
            Scope::Stream { .. } => Replay::apart(),
            _ => Replay::default(),
        };
        // The next position, where none may be left out.
        let mut next = match &self.contents.scope {
            Scope::Log => Some((0, head.size)),
            Scope::Range { from, to } => Some((*from, (*to).min(head.size))),
            Scope::Tenant { .. } | Scope::Stream { .. } => None,
        };
        let mut last: Option<u64> = None;
        let mut leaves: Option<(u64, Vec<Hash>)> = None;
        for (block, width) in blocks(head.size) {
            let path = self.bundle.events_file(block, width);
            let file = match std::fs::File::open(&path) {
                Ok(file) => file,
                Err(reason) => {
                    let first = Some(block * BLOCK);
                    self.found(Claim::Events, first, format!("{}: {reason}", path.display()));
                    // A head that is not signed may speak of any number of them.
                    break;
                }
            };
            let mut lines = Lines::of(BufReader::with_capacity(1 << 20, file));
            while let Some(line) = lines.read() {
                let io = |reason| BundleError::Io { path: path.clone(), reason };
                let line: Line = match serde_json::from_slice(line.map_err(io)?) {
                    Ok(line) => line,
                    Err(error) => {
                        let after = last.map_or(0, |last| last + 1);
                        self.found(Claim::Events, Some(after), format!("no event: {error}"));
                        continue;
                    }
                };
                let position = line.position;
                if last.is_some_and(|last| position <= last) || position >= head.size {
                    let what = "the event is not in its place: put in, or moved";
                    self.found(Claim::Events, Some(position), what);
                    continue;
                }
                if let Some((expected, end)) = next {
                    if position > expected {
                        let what = match position - expected {
                            1 => "the event is missing".to_owned(),
                            more => format!("{more} events are missing from here on"),
                        };
                        self.found(Claim::Events, Some(expected), what);
                    }
                    next = Some((position + 1, end));
                }
                last = Some(position);
                self.event(line, head, &mut leaves, &mut seen, &mut replay);
                if seen.events.is_multiple_of(100_000) {
                    tell(seen.events);
                }
            }
        }
        if let Some((expected, end)) = next
            && expected < end
        {
            let what = format!("{} events are missing from here on", end - expected);
            self.found(Claim::Events, Some(expected), what);
        }
        if seen.events != self.contents.events {
            let what = format!("bundle.json speaks of {} events", self.contents.events);
            self.found(Claim::Events, None, what);
        }
        self.explain();
        self.conclude(&seen);
        Ok(())
    }

    fn restore(&mut self, event: &Recorded, position: u64) {
        if let Ok(Some(LedgerEvent::LogRestored { from, signed: Some(signed), .. })) =
            event.event::<Ledger>()
        {
            let (origin, size) = (signed.origin, signed.size);
            self.restores.push(Restore { position, from, origin, size });
        }
    }

    /// The restore that a head fell to, if the log tells of one: that makes it no less lost, but says where
    /// and when.
    pub(super) fn restore_of(&self, lost: &Checkpoint) -> Option<String> {
        let is_it =
            |it: &&Restore| it.origin == lost.origin && it.from < lost.size && lost.size <= it.size;
        let Restore { position, from, .. } = self.restores.iter().find(is_it)?;
        Some(format!(
            "; the log tells of it: a restore at {position} lost what stood from {from} on"
        ))
    }

    fn explain(&mut self) {
        let earlier = self.brought.earlier.as_ref();
        let earlier = earlier.and_then(|note| Checkpoint::parse(&note.text).ok());
        let Some(told) = earlier.and_then(|earlier| self.restore_of(&earlier)) else { return };
        for finding in self.findings.iter_mut().filter(|it| it.claim == Claim::Consistency) {
            finding.what += &told;
        }
    }

    fn event(
        &mut self,
        line: Line,
        head: &Checkpoint,
        leaves: &mut Option<(u64, Vec<Hash>)>,
        seen: &mut Seen,
        replay: &mut Replay,
    ) {
        let position = line.position;
        seen.events += 1;
        let Some(place) = line.place() else {
            self.found(Claim::Events, Some(position), "recordedAt is no time");
            return;
        };
        let event = match Recorded::read(place, line.envelope) {
            Ok(event) => event,
            Err(error) => {
                self.found(Claim::Events, Some(position), error.to_string());
                return;
            }
        };
        let entry = leaf::of(event.tenant, &place, &event.envelope);
        let leaf = hash::leaf(&entry);
        if let Some(here) = self.receipted.get_mut(&position) {
            *here = Some(leaf);
        }
        if self.leaf_at(position, head.size, leaves) != Some(leaf) {
            let what = "the event is not the one the tree was made of: it was changed";
            self.found(Claim::Events, Some(position), what);
            // What it says is anybody's word.
            return;
        }
        if !self.contents.scope.holds(&event) {
            let what = "the event is not of what the bundle says it holds";
            self.found(Claim::Events, Some(position), what);
        }
        self.restore(&event, position);
        self.order(&event, position, seen);
        self.rules(&event, position, seen, replay);
    }

    /// The hash that the tree has at a position.
    fn leaf_at(
        &self,
        position: u64,
        size: u64,
        leaves: &mut Option<(u64, Vec<Hash>)>,
    ) -> Option<Hash> {
        let number = position / WIDTH as u64;
        if leaves.as_ref().is_none_or(|(loaded, _)| *loaded != number) {
            let width = (size - number * WIDTH as u64).min(WIDTH as u64);
            let width = usize::try_from(width).unwrap_or(WIDTH);
            let asked = Asked { level: Some(0), number, width };
            *leaves = Some((number, self.tile(asked).unwrap_or_default()));
        }
        let within = usize::try_from(position % WIDTH as u64).unwrap_or_default();
        leaves.as_ref().and_then(|(_, hashes)| hashes.get(within).copied())
    }

    fn order(&mut self, event: &Recorded, position: u64, seen: &mut Seen) {
        let whole = self.contents.scope.has_whole_streams();
        let stream = (event.aggregate_type.as_str().into(), event.aggregate_id.as_str().into());
        let before = seen.streams.insert(stream, event.sequence);
        let expected = before.map(|last| last.saturating_add(1)).or(whole.then_some(1));
        if expected.is_some_and(|expected| expected != event.sequence) {
            let what = format!(
                "{} {} goes on with event {} after {}",
                event.aggregate_type,
                event.aggregate_id,
                event.sequence,
                before.unwrap_or(0)
            );
            self.found(Claim::Order, Some(position), what);
        }
        let of_tenant = !matches!(self.contents.scope, Scope::Stream { .. });
        let before = seen.tenants.insert(event.tenant.value(), event.tenant_position);
        let expected = before.map(|last| last.saturating_add(1)).or(whole.then_some(0));
        if of_tenant && expected.is_some_and(|expected| expected != event.tenant_position) {
            let what = format!(
                "tenant {} goes on with its event {}: something of it is left out",
                event.tenant, event.tenant_position
            );
            self.found(Claim::Order, Some(position), what);
        }
        if seen.recorded_at.is_some_and(|last| last > event.recorded_at) {
            self.found(Claim::Order, Some(position), "time runs backwards");
        }
        seen.recorded_at = Some(event.recorded_at);
    }

    fn rules(&mut self, event: &Recorded, position: u64, seen: &mut Seen, replay: &mut Replay) {
        let data = match event.data() {
            Ok(data) => data,
            Err(error) => return self.found(Claim::Decoding, Some(position), error.to_string()),
        };
        let stored = SerializedEvent::new(
            event.aggregate_id.clone(),
            usize::try_from(event.sequence).unwrap_or_default(),
            event.aggregate_type.clone(),
            event.event_type.clone(),
            event.schema_version.to_string(),
            data,
            Value::Null,
        );
        if !self.judges() {
            if let Err(Doubt::Undecodable(what) | Doubt::Illegal(what)) = is_readable(stored) {
                self.found(Claim::Decoding, Some(position), what);
            }
            return;
        }
        let metadata = &event.metadata;
        let is_person = metadata.actor_type == ActorType::User;
        let deed = Deed {
            correlation: metadata.correlation_id.clone(),
            at: metadata.occurred_at,
            by: is_person.then(|| metadata.actor.parse().ok()).flatten(),
        };
        match replay.next(stored, deed) {
            Ok(true) => seen.ruled += 1,
            Ok(false) => seen.unruled += 1,
            Err(Doubt::Undecodable(what)) => self.found(Claim::Decoding, Some(position), what),
            Err(Doubt::Illegal(what)) => {
                let what = format!("{} {}: {what}", event.event_type, event.aggregate_id);
                self.found(Claim::Rules, Some(position), what);
            }
        }
    }

    /// Whether events are judged by the rules: that takes their streams from the beginning on.
    fn judges(&self) -> bool {
        self.brought.replay && self.contents.scope.has_whole_streams()
    }

    fn conclude(&mut self, seen: &Seen) {
        if seen.events == 0 && self.brought.scope != Scope::Log {
            self.found(Claim::Events, None, "there is not one event of what was asked for");
        }
        self.checked(Claim::Events, format!("{} events are those of the tree", seen.events));
        let streams = format!(
            "{} streams and {} tenants without gaps",
            seen.streams.len(),
            seen.tenants.len()
        );
        self.checked(Claim::Order, streams);
        self.checked(Claim::Decoding, format!("{} events decode", seen.events));
        if self.judges() {
            let ruled = format!(
                "{} events follow from the rules; {} are of kinds that are only replayed",
                seen.ruled, seen.unruled
            );
            self.checked(Claim::Rules, ruled);
        }
    }
}
