//! The events that are lost and that the stream still has: kept in a file, proven, and gone through for what
//! has to be so all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use domain::id::{SessionId, TenantId, UserId};
use domain::ledger::SignedHead;
use domain::session::Session;
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use eventstore::ledger::hash;
use eventstore::ledger::leaf;
use eventstore::ledger::tree::Edge;
use eventstore::lost::{Lost, LostError, Remains};
use eventstore::recorded::{Place, Undecodable};
use serde_json::{Value, json};

use crate::backup::failed;
use crate::wiring::StartError;

/// What was found in them.
#[derive(Default)]
pub struct Found {
    pub counts: BTreeMap<String, u64>,
    /// Whether they are all that the signed head tells of.
    pub proven: bool,
    pub again: Again,
}

/// Keeps the lost events, one to a line. A file that is there already has to hold the same.
pub async fn keep(
    remains: &Remains,
    lost: Lost,
    (edge, head): (Edge, Option<SignedHead>),
    path: &Path,
) -> Result<Found, StartError> {
    let draft = path.with_extension("draft");
    let mut new = std::fs::OpenOptions::new();
    new.write(true).create(true).truncate(true).mode(0o600);
    let mut file = BufWriter::new(new.open(&draft).map_err(failed(&draft))?);
    let mut proof = Proof { edge, head, proven: false };
    let mut found = Found::default();
    let kept = remains.each(lost, |event| {
        *found.counts.entry(event.event_type.clone()).or_default() += 1;
        proof.add(&event);
        found.again.note(&event).map_err(|error| Interrupted::Unreadable {
            position: event.position,
            event_type: event.event_type.clone(),
            error,
        })?;
        writeln!(file, "{}", line(&event)).map_err(Interrupted::Io)
    });
    kept.await.map_err(StartError::of)?;
    found.proven = proof.proven;
    let file = file.into_inner().map_err(|error| failed(&draft)(error.into_error()))?;
    file.sync_all().map_err(failed(&draft))?;
    if path.exists() && !hold_the_same(path, &draft).map_err(failed(path))? {
        let what = format!("{} holds other events: name another file", path.display());
        return Err(StartError::Other(what));
    }
    std::fs::rename(&draft, path).map_err(failed(path))?;
    durable(path)?;
    Ok(found)
}

/// They may be long.
fn hold_the_same(one: &Path, other: &Path) -> io::Result<bool> {
    let mut one = BufReader::new(File::open(one)?);
    let mut other = BufReader::new(File::open(other)?);
    loop {
        let (here, there) = (one.fill_buf()?, other.fill_buf()?);
        let both = here.len().min(there.len());
        if both == 0 {
            return Ok(here.is_empty() && there.is_empty());
        }
        if here[..both] != there[..both] {
            return Ok(false);
        }
        one.consume(both);
        other.consume(both);
    }
}

/// A file's name lasts, too.
pub fn durable(path: &Path) -> Result<(), StartError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

/// What was done, is lost, and has to be so all the same.
#[derive(Default)]
pub struct Again {
    pub erased: BTreeSet<(TenantId, UserId)>,
    pub sessions: BTreeSet<(TenantId, SessionId)>,
}

impl Again {
    fn note(&mut self, event: &Recorded) -> Result<(), Undecodable> {
        // Only what has a number is a person or a session.
        let Ok(id) = event.id() else { return Ok(()) };
        if let Some(UserEvent::UserErased {}) = event.event::<User>()? {
            self.erased.insert((event.tenant, UserId::new(id)));
        }
        if event.event::<Session>()?.is_some() {
            self.sessions.insert((event.tenant, SessionId::new(id)));
        }
        Ok(())
    }
}

/// Goes on with the tree of what is left, by what is lost, up to where a head was signed.
struct Proof {
    edge: Edge,
    head: Option<SignedHead>,
    proven: bool,
}

impl Proof {
    fn add(&mut self, event: &Recorded) {
        if event.position.cast_unsigned() != self.edge.size() {
            return;
        }
        let place = Place {
            position: event.position,
            tenant_position: event.tenant_position,
            recorded_at: event.recorded_at,
        };
        let leaf = leaf::of(event.tenant, &place, &event.envelope);
        self.edge.push(hash::leaf(&leaf), |_, _| {});
        self.proven |= self.head.as_ref().is_some_and(|head| {
            head.size == self.edge.size() && head.root == hex::encode(self.edge.root())
        });
    }
}

#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Lost(#[from] LostError),
    #[error("the lost events cannot be kept: {0}")]
    Io(std::io::Error),
    /// It may be that somebody was erased by it.
    #[error(
        "the lost {event_type} at position {position} is not known here: finish with the version that \
         wrote it ({error})"
    )]
    Unreadable { position: i64, event_type: String, error: Undecodable },
}

/// As a bundle for auditors has it.
fn line(event: &Recorded) -> Value {
    json!({
        "position": event.position,
        "tenantPosition": event.tenant_position,
        "recordedAt": event.recorded_at,
        "envelope": event.envelope,
    })
}
