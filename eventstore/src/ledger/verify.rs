//! Verifying a bundle, offline: from its bytes and keys that the auditor brings. Every claim is either
//! held, with what was looked at, or refuted, with the first position where it does not hold.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use cqrs_es::persist::SerializedEvent;
use domain::moment::Moment;
use domain::permission::ActorType;
use domain::replay::{Deed, Doubt, Replay};
use serde::Serialize;
use serde_json::Value;

use super::bundle::{Bundle, BundleError, Contents, Line, Scope, blocks, tiles};
use super::checkpoint::Checkpoint;
use super::hash::{self, Hash};
use super::key::{Kind, VerifierKey};
use super::leaf;
use super::note::Note;
use super::tile::{self, Asked, WIDTH};
use super::tree::Edge;
use crate::recorded::Recorded;

/// Findings after these are counted and not told.
const TOLD: usize = 100;

/// What the auditor brings.
pub struct Brought {
    /// The log's key. Its name is the log's.
    pub key: VerifierKey,
    /// All of them must have signed the head.
    pub witnesses: Vec<VerifierKey>,
    /// A head that was kept from an earlier time.
    pub earlier: Option<Note>,
    /// Whether events are replayed through the rules.
    pub replay: bool,
}

/// What was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Claim {
    /// The head is signed by the log, and by the witnesses.
    Checkpoint,
    /// The tree has the root that is signed.
    Tree,
    /// The tree continues the one of the earlier head.
    Consistency,
    /// Every event is the one at its place of the tree, and none is missing.
    Events,
    /// Streams and tenants have their events without gaps, in the order of time.
    Order,
    /// Every event decodes in today's shape.
    Decoding,
    /// Every event is one that its aggregate could have brought about.
    Rules,
    /// Every read model of a database is what the log makes of it.
    ReadModels,
    /// What is minted and held on a chain is what the log says.
    Chain,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub claim: Claim,
    /// Where, if it is at one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    pub what: String,
}

/// A claim that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub claim: Claim,
    pub holds: bool,
    /// What was looked at.
    pub seen: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub contents: Contents,
    pub checks: Vec<Check>,
    /// The first hundred of them.
    pub findings: Vec<Finding>,
    pub findings_in_all: u64,
    /// What nothing here can show.
    pub limits: Vec<String>,
}

impl Report {
    /// Adds a claim that was looked into elsewhere.
    pub fn add(&mut self, claim: Claim, seen: String, findings: Vec<Finding>) {
        self.checks.push(Check { claim, holds: findings.is_empty(), seen });
        self.findings_in_all += findings.len() as u64;
        self.findings.extend(findings.into_iter().take(TOLD));
    }

    pub fn holds(&self) -> bool {
        self.findings_in_all == 0
    }
}

/// Looks into everything. An error means that nothing can be said, not that something is wrong.
pub fn verify(
    bundle: &Bundle,
    brought: &Brought,
    tell: impl FnMut(u64),
) -> Result<Report, BundleError> {
    let contents = bundle.contents()?;
    let mut audit = Audit { bundle, brought, contents, checks: vec![], findings: vec![], count: 0 };
    let head = audit.checkpoint()?;
    let edges = audit.tree(&head)?;
    audit.consistency(&head, edges);
    audit.events(&head, tell)?;
    Ok(audit.report())
}

struct Audit<'a> {
    bundle: &'a Bundle,
    brought: &'a Brought,
    contents: Contents,
    checks: Vec<Check>,
    findings: Vec<Finding>,
    count: u64,
}

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
    fn found(&mut self, claim: Claim, position: Option<u64>, what: impl Into<String>) {
        self.count += 1;
        if self.findings.len() < TOLD {
            self.findings.push(Finding { claim, position, what: what.into() });
        }
    }

    fn checked(&mut self, claim: Claim, seen: String) {
        let holds = !self.findings.iter().any(|finding| finding.claim == claim);
        self.checks.push(Check { claim, holds, seen });
    }

    /// The head, as it stands in the bundle. What it says is only believed if it is signed.
    fn checkpoint(&mut self) -> Result<Checkpoint, BundleError> {
        let path = self.bundle.checkpoint_file();
        let unreadable = |reason: String| BundleError::Unreadable { path: path.clone(), reason };
        let text = String::from_utf8(self.bundle.read(&path)?)
            .map_err(|_| unreadable("not a text".to_owned()))?;
        let note = Note::parse(&text).map_err(|error| unreadable(error.to_string()))?;
        let head = Checkpoint::parse(&note.text).map_err(|error| unreadable(error.to_string()))?;
        let key = &self.brought.key;
        if let Err(error) = Checkpoint::signed(&note, key) {
            self.found(Claim::Checkpoint, None, error.to_string());
        }
        if (&head.origin, head.size) != (&self.contents.origin, self.contents.size) {
            self.found(Claim::Checkpoint, None, "bundle.json speaks of another head");
        }
        let mut seen = format!("{} events, signed by {}", head.size, key.name);
        for witness in &self.brought.witnesses {
            match note.verify(witness) {
                Ok(at) if witness.kind == Kind::Checkpoints => {
                    let at = i64::try_from(at.saturating_mul(1_000)).unwrap_or(i64::MAX);
                    seen += &format!("; {} at {}", witness.name, Moment::from_unix_ms(at));
                }
                Ok(_) => {
                    self.found(Claim::Checkpoint, None, format!("{} is no witness", witness.name));
                }
                Err(error) => self.found(Claim::Checkpoint, None, error.to_string()),
            }
        }
        self.checked(Claim::Checkpoint, seen);
        Ok(head)
    }

    fn tile(&self, asked: Asked) -> Result<Vec<Hash>, String> {
        let path = self.bundle.tile_file(asked);
        let bytes = self.bundle.read(&path).map_err(|error| error.to_string())?;
        let hashes = tile::hashes(&bytes).filter(|hashes| hashes.len() == asked.width);
        hashes.ok_or_else(|| format!("tile/{asked} has not {} hashes", asked.width))
    }

    /// The tree from its leaves up. Gives its root at the size of the earlier head, if there is one.
    fn tree(&mut self, head: &Checkpoint) -> Result<Option<Hash>, BundleError> {
        let earlier = self.brought.earlier.as_ref();
        let earlier = earlier.and_then(|note| Checkpoint::parse(&note.text).ok()).map(|it| it.size);
        let mut edge = Edge::default();
        let mut then = (earlier == Some(0)).then(|| edge.root());
        let mut upper = HashMap::new();
        for asked in tiles(head.size).filter(|tile| tile.level == Some(0)) {
            let hashes = match self.tile(asked) {
                Ok(hashes) => hashes,
                Err(what) => {
                    self.found(Claim::Tree, Some(asked.number * WIDTH as u64), what);
                    break;
                }
            };
            for leaf in hashes {
                edge.push(leaf, |tile, hashes| {
                    if tile.level > 0 {
                        upper.insert((tile.level, tile.number), hashes.to_vec());
                    }
                });
                if earlier == Some(edge.size()) {
                    then = Some(edge.root());
                }
            }
        }
        upper
            .extend(edge.open().map(|(tile, hashes)| ((tile.level, tile.number), hashes.to_vec())));
        for asked in tiles(head.size).filter(|tile| tile.level != Some(0)) {
            let made = asked.level.and_then(|level| upper.get(&(level, asked.number)));
            match self.tile(asked) {
                Ok(stored) if made == Some(&stored) => {}
                Ok(_) => self.found(Claim::Tree, None, format!("tile/{asked} is not of this tree")),
                Err(what) => self.found(Claim::Tree, None, what),
            }
        }
        if edge.size() == head.size && edge.root() != head.root {
            self.found(Claim::Tree, None, "the tree has another root than the signed one");
        }
        self.checked(Claim::Tree, format!("root made anew from {} leaves", edge.size()));
        Ok(then)
    }

    /// Whether the head that was kept from an earlier time is one of this very tree.
    fn consistency(&mut self, head: &Checkpoint, root_then: Option<Hash>) {
        let Some(note) = &self.brought.earlier else {
            return;
        };
        let earlier = match Checkpoint::signed(note, &self.brought.key) {
            Ok(earlier) => earlier,
            Err(error) => {
                self.found(Claim::Consistency, None, format!("the earlier head: {error}"));
                self.checked(Claim::Consistency, "an earlier head".to_owned());
                return;
            }
        };
        if earlier.size > head.size {
            let what = format!(
                "the log had {} events and has {}: its tail is cut off",
                earlier.size, head.size
            );
            self.found(Claim::Consistency, Some(head.size), what);
        } else if root_then != Some(earlier.root) {
            let what = format!(
                "what the log said of its first {} events is not what it says today: its history \
                 is rewritten",
                earlier.size
            );
            self.found(Claim::Consistency, None, what);
        }
        self.checked(Claim::Consistency, format!("an earlier head of {} events", earlier.size));
    }

    fn events(&mut self, head: &Checkpoint, mut tell: impl FnMut(u64)) -> Result<(), BundleError> {
        let (mut seen, mut replay) = (Seen::default(), Replay::default());
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
                    self.found(Claim::Events, None, format!("{}: {reason}", path.display()));
                    continue;
                }
            };
            for line in BufReader::with_capacity(1 << 20, file).lines() {
                let io = |reason| BundleError::Io { path: path.clone(), reason };
                let line = line.map_err(io)?;
                let line: Line = match serde_json::from_str(&line) {
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
        self.conclude(&seen);
        Ok(())
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
        let stored = self.leaf_at(position, head.size, leaves);
        if stored != Some(hash::leaf(&entry)) {
            let what = "the event is not the one the tree was made of: it was changed";
            self.found(Claim::Events, Some(position), what);
        }
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
        let expected = before.map(|last| last + 1).or(whole.then_some(1));
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
        let expected = before.map(|last| last + 1).or(whole.then_some(0));
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
        if !self.brought.replay || !self.contents.scope.has_whole_streams() {
            return;
        }
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

    fn conclude(&mut self, seen: &Seen) {
        self.checked(Claim::Events, format!("{} events are those of the tree", seen.events));
        let streams = format!(
            "{} streams and {} tenants without gaps",
            seen.streams.len(),
            seen.tenants.len()
        );
        self.checked(Claim::Order, streams);
        if self.brought.replay && self.contents.scope.has_whole_streams() {
            self.checked(Claim::Decoding, format!("{} events decode", seen.events));
            let ruled = format!(
                "{} events follow from the rules; {} are of kinds that are only replayed",
                seen.ruled, seen.unruled
            );
            self.checked(Claim::Rules, ruled);
        }
    }

    fn report(self) -> Report {
        let mut limits = vec![
            "that an event is true: a log orders what is said".to_owned(),
            "that nothing happened that was never logged".to_owned(),
            "that a key was really destroyed where an erasure is recorded".to_owned(),
        ];
        if self.brought.witnesses.is_empty() {
            limits.push("that others are shown the same log: no witness was asked for".to_owned());
        }
        if self.brought.earlier.is_none() {
            limits
                .push("that the log is the one of yesterday: no earlier head was given".to_owned());
        }
        if matches!(self.contents.scope, Scope::Tenant { .. }) {
            limits.push("that the tenant has no later events than the last one here".to_owned());
        }
        Report {
            contents: self.contents,
            checks: self.checks,
            findings: self.findings,
            findings_in_all: self.count,
            limits,
        }
    }
}
