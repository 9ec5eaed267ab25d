//! Verifying a bundle, offline: from its bytes and keys that the auditor brings. Every claim is either
//! held, with what was looked at, or refuted, with the first position where it does not hold.

mod events;
mod receipts;
mod tree;

use std::collections::BTreeMap;

use serde::Serialize;

use super::bundle::{Bundle, BundleError, Contents, Scope};
use super::hash::Hash;
use super::key::VerifierKey;
use super::note::Note;
use super::receipt::Receipt;

/// Findings after these are counted and not told.
const TOLD: usize = 100;

/// What the auditor brings.
pub struct Brought {
    /// The log's key. Its name is the log's.
    pub key: VerifierKey,
    /// What the bundle has to hold. Its own page is not asked: whoever made it wrote that, too.
    pub scope: Scope,
    /// All of them must have signed the head.
    pub witnesses: Vec<VerifierKey>,
    /// A head that was kept from an earlier time.
    pub earlier: Option<Note>,
    /// Receipts of events that have to be here.
    pub receipts: Vec<Receipt>,
    /// What signed those of an earlier time, if the log had another name then.
    pub earlier_key: Option<VerifierKey>,
    /// Whether events are replayed through the rules.
    pub replay: bool,
}

/// What was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Claim {
    /// The head is signed by the log, and by the witnesses.
    Checkpoint,
    /// The bundle is of what the auditor wants to see.
    Scope,
    /// The tree has the root that is signed.
    Tree,
    /// The tree continues the one of the earlier head.
    Consistency,
    /// Every event is the one at its place of the tree, and none is missing.
    Events,
    /// What there are receipts of is here.
    Receipts,
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
    let mut audit = Audit {
        bundle,
        brought,
        contents,
        checks: vec![],
        findings: vec![],
        refuted: vec![],
        count: 0,
        receipted: brought.receipts.iter().map(|receipt| (receipt.index, None)).collect(),
        limits: vec![],
        restores: vec![],
    };
    let head = audit.checkpoint()?;
    audit.scope();
    let roots = audit.tree(&head)?;
    audit.consistency(&head, &roots);
    audit.events(&head, tell)?;
    audit.receipts(&head, &roots);
    Ok(audit.report())
}

/// What a restore lost, as the log tells it.
struct Restore {
    /// Where it tells so.
    position: u64,
    /// From here on it was lost.
    from: u64,
    /// The head that was signed last before.
    origin: String,
    size: u64,
}

struct Audit<'a> {
    bundle: &'a Bundle,
    brought: &'a Brought,
    contents: Contents,
    checks: Vec<Check>,
    findings: Vec<Finding>,
    refuted: Vec<Claim>,
    count: u64,
    /// What is here at the positions that there are receipts of.
    receipted: BTreeMap<u64, Option<Hash>>,
    /// What else is not shown.
    limits: Vec<String>,
    /// Restores that the log tells of.
    restores: Vec<Restore>,
}

impl Audit<'_> {
    fn found(&mut self, claim: Claim, position: Option<u64>, what: impl Into<String>) {
        self.count += 1;
        if !self.refuted.contains(&claim) {
            self.refuted.push(claim);
        }
        if self.findings.len() < TOLD {
            self.findings.push(Finding { claim, position, what: what.into() });
        }
    }

    fn checked(&mut self, claim: Claim, seen: String) {
        let holds = !self.refuted.contains(&claim);
        self.checks.push(Check { claim, holds, seen });
    }

    fn scope(&mut self) {
        let (is, wanted) = (self.contents.scope.to_string(), self.brought.scope.to_string());
        if self.contents.scope != self.brought.scope {
            let what = format!("the bundle is of {is}, and not of {wanted}");
            self.found(Claim::Scope, None, what);
        }
        self.checked(Claim::Scope, is);
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
        if !self.brought.replay {
            limits.push("that events follow from the rules: that was not asked for".to_owned());
        }
        match &self.contents.scope {
            Scope::Log => {}
            Scope::Range { from, to } => limits.push(format!(
                "anything of events before {from} and from {to} on, or that those here follow from \
                 the rules"
            )),
            Scope::Tenant { tenant } => limits.push(format!(
                "anything of other tenants than {tenant}, or that it has no later events than these"
            )),
            Scope::Stream { aggregate_type, aggregate_id } => limits.push(format!(
                "anything but of {aggregate_type} {aggregate_id}, or that it has no later events than \
                 these"
            )),
        }
        limits.extend(self.limits);
        Report {
            contents: self.contents,
            checks: self.checks,
            findings: self.findings,
            findings_in_all: self.count,
            limits,
        }
    }
}
