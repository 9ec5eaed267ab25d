//! Bundles: what an auditor takes home. A folder that public tools read as a log (C2SP `tlog-tiles`),
//! with the events beside it and a page that says what is in it.

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use domain::id::TenantId;
use domain::moment::Moment;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::hash::Hash;
use super::leaf;
use super::tile::{self, Asked, Tile, WIDTH};
use super::tree::Edge;
use crate::recorded::{Place, Recorded};

/// The shape of this version.
pub const FORMAT: &str = "caskchain-bundle/1";
/// Positions whose events share a file.
pub const BLOCK: u64 = 65_536;
/// No event is longer, in bytes.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Which events are in a bundle. The tree is always whole: it tells nothing but how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Scope {
    /// All.
    Log,
    /// From a position to before another.
    Range {
        from: u64,
        to: u64,
    },
    Tenant {
        tenant: TenantId,
    },
    Stream {
        aggregate_type: String,
        aggregate_id: String,
    },
}

impl Scope {
    /// Whether an event belongs to it.
    pub fn holds(&self, event: &Recorded) -> bool {
        match self {
            Self::Log => true,
            Self::Range { from, to } => {
                u64::try_from(event.position).is_ok_and(|at| (*from..*to).contains(&at))
            }
            Self::Tenant { tenant } => event.tenant == *tenant,
            Self::Stream { aggregate_type, aggregate_id } => {
                (&event.aggregate_type, &event.aggregate_id) == (aggregate_type, aggregate_id)
            }
        }
    }

    /// Whether an entry may belong to it. Whose stream it is of, an entry does not tell.
    pub fn may_hold(&self, index: u64, entry: &[u8]) -> bool {
        match self {
            Self::Log | Self::Stream { .. } => true,
            Self::Range { from, to } => (*from..*to).contains(&index),
            Self::Tenant { tenant } => leaf::tenant(entry) == Some(*tenant),
        }
    }

    /// Whether streams are in it from their first event on.
    pub fn has_whole_streams(&self) -> bool {
        !matches!(self, Self::Range { .. })
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log => f.write_str("the whole log"),
            Self::Range { from, to: u64::MAX } => write!(f, "the events from {from} on"),
            Self::Range { from, to } => write!(f, "the events from {from} to before {to}"),
            Self::Tenant { tenant } => write!(f, "the events of tenant {tenant}"),
            Self::Stream { aggregate_type, aggregate_id } => {
                write!(f, "the events of {aggregate_type} {aggregate_id}")
            }
        }
    }
}

/// The page that says what is in a bundle, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    pub format: String,
    pub origin: String,
    /// Entries of the tree.
    pub size: u64,
    pub scope: Scope,
    pub events: u64,
}

/// A line of an events' file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line {
    pub position: u64,
    pub tenant_position: i64,
    /// RFC 3339, milliseconds.
    pub recorded_at: String,
    /// The stored text; a string, so that nothing prints it another way.
    pub envelope: String,
}

impl Line {
    /// What the log adds; none if that cannot be.
    pub fn place(&self) -> Option<Place> {
        Some(Place {
            position: i64::try_from(self.position).ok()?,
            tenant_position: self.tenant_position,
            recorded_at: Moment::parse(&self.recorded_at)?,
        })
    }

    fn recorded(self) -> Option<Recorded> {
        let place = self.place()?;
        Recorded::read(place, self.envelope).ok()
    }
}

/// The lines of an events' file, whatever is in them.
pub struct Lines<R> {
    from: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub fn of(from: R) -> Self {
        Self { from, line: Vec::new() }
    }

    /// What is longer than any event comes in pieces, which are none.
    pub fn read(&mut self) -> Option<io::Result<&[u8]>> {
        self.line.clear();
        match (&mut self.from).take(LONGEST_LINE).read_until(b'\n', &mut self.line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(&self.line)),
            Err(error) => Some(Err(error)),
        }
    }
}

#[derive(Debug, Error)]
pub enum BundleError {
    #[error("{path}: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{path}: {reason}")]
    Io { path: PathBuf, reason: io::Error },
}

/// A bundle's folder.
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: PathBuf,
}

impl Bundle {
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn contents_file(&self) -> PathBuf {
        self.folder.join("bundle.json")
    }

    pub fn checkpoint_file(&self) -> PathBuf {
        self.folder.join("checkpoint")
    }

    pub fn tile_file(&self, tile: Asked) -> PathBuf {
        self.folder.join("tile").join(tile.to_string())
    }

    /// The events of a block, as far as the tree goes: `width` positions of it.
    pub fn events_file(&self, block: u64, width: u64) -> PathBuf {
        let name = match width {
            BLOCK => format!("{block:09}.ndjson"),
            width => format!("{block:09}.p{width:05}.ndjson"),
        };
        self.folder.join("events").join(name)
    }

    pub fn read(&self, path: &Path) -> Result<Vec<u8>, BundleError> {
        fs::read(path).map_err(|reason| BundleError::Io { path: path.to_owned(), reason })
    }

    pub fn contents(&self) -> Result<Contents, BundleError> {
        let path = self.contents_file();
        let unreadable = |reason: String| BundleError::Unreadable { path: path.clone(), reason };
        let contents: Contents = serde_json::from_slice(&self.read(&path)?)
            .map_err(|error| unreadable(error.to_string()))?;
        if contents.format == FORMAT {
            Ok(contents)
        } else {
            Err(unreadable(format!("the format {} is not known here", contents.format)))
        }
    }

    /// Root of the first `size` entries of the bundle's tree, which has `whole` of them; none if its tiles
    /// do not go so far.
    pub fn root(&self, size: u64, whole: u64) -> Option<Hash> {
        let of_tile = |tile: Tile| {
            let (_, (full, width)) = Edge::open_at(whole).nth(usize::from(tile.level))?;
            let width = if tile.number < full { WIDTH } else { width };
            let asked = Asked { level: Some(tile.level), number: tile.number, width };
            tile::hashes(&self.read(&self.tile_file(asked)).ok()?)
        };
        Edge::of(size, of_tile).filter(|_| size <= whole).map(|edge| edge.root())
    }

    /// Hands over every event, in its order. What is no event is left to the verdict.
    pub fn each(&self, size: u64, mut hear: impl FnMut(Recorded)) -> Result<(), BundleError> {
        for (block, width) in blocks(size) {
            let path = self.events_file(block, width);
            let io = |reason| BundleError::Io { path: path.clone(), reason };
            let file = fs::File::open(&path).map_err(io)?;
            let mut lines = Lines::of(io::BufReader::with_capacity(1 << 20, file));
            while let Some(line) = lines.read() {
                let line: Option<Line> = serde_json::from_slice(line.map_err(io)?).ok();
                line.and_then(Line::recorded).into_iter().for_each(&mut hear);
            }
        }
        Ok(())
    }

    /// Writes a file as a whole or not at all: an export that is broken off leaves no half ones.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
        let io = |reason| BundleError::Io { path: path.to_owned(), reason };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let fresh = path.with_file_name(name);
        fs::write(&fresh, bytes).map_err(io)?;
        fs::rename(&fresh, path).map_err(io)
    }
}

/// The tiles of a tree of this size, of all levels: the full ones, and the last of each level.
pub fn tiles(size: u64) -> impl Iterator<Item = Asked> {
    Edge::open_at(size).flat_map(|(level, (full, width))| {
        let whole = (0..full).map(move |number| (number, WIDTH));
        let open = (width > 0).then_some((full, width));
        whole.chain(open).map(move |(number, width)| Asked { level: Some(level), number, width })
    })
}

/// The blocks of a tree of this size, with how many positions each has.
pub fn blocks(size: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..size.div_ceil(BLOCK)).map(move |block| (block, BLOCK.min(size - block * BLOCK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_an_end_is_not_read_into_memory_at_once() {
        let longest = usize::try_from(LONGEST_LINE).unwrap();
        let mut bytes = vec![b'x'; longest + 5];
        bytes.extend(b"\nnext\n");
        let mut lines = Lines::of(bytes.as_slice());
        let mut lengths = Vec::new();
        while let Some(line) = lines.read() {
            lengths.push(line.unwrap().len());
        }
        assert_eq!(lengths, [longest, 6, 5]);
    }
}
