//! The head, the tree below it, and whether it continues an earlier one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;

use domain::moment::Moment;

use super::super::bundle::{BundleError, Scope, tiles};
use super::super::checkpoint::Checkpoint;
use super::super::hash::{self, Hash};
use super::super::key::{Kind, VerifierKey};
use super::super::note::Note;
use super::super::tile::{self, Asked, HEIGHT, WIDTH};
use super::super::tree::Edge;
use super::{Audit, Claim};

/// Roots of the tree as it once was, by size.
pub(super) type Roots = BTreeMap<u64, Hash>;

impl Audit<'_> {
    /// The head, as it stands in the bundle. What it says is only believed if it is signed.
    pub(super) fn checkpoint(&mut self) -> Result<Checkpoint, BundleError> {
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

    pub(super) fn tile(&self, asked: Asked) -> Result<Vec<Hash>, String> {
        let path = self.bundle.tile_file(asked);
        let bytes = self.bundle.read(&path).map_err(|error| error.to_string())?;
        let hashes = tile::hashes(&bytes).filter(|hashes| hashes.len() == asked.width);
        hashes.ok_or_else(|| format!("tile/{asked} has not {} hashes", asked.width))
    }

    /// The entries beside a tile, which tools that begin with them believe: those of its hashes. A
    /// bundle of the whole log has them all.
    fn entries(&mut self, asked: Asked, hashes: &[Hash]) {
        let entries = Asked { level: None, ..asked };
        let first = Some(asked.number * WIDTH as u64);
        let bytes = match std::fs::read(self.bundle.tile_file(entries)) {
            Ok(bytes) => bytes,
            Err(error)
                if error.kind() == ErrorKind::NotFound && self.brought.scope != Scope::Log =>
            {
                return;
            }
            Err(error) => {
                self.found(Claim::Tree, first, format!("tile/{entries}: {error}"));
                return;
            }
        };
        if tile::entries(&bytes).is_none_or(|of_it| {
            !of_it.iter().map(|entry| hash::leaf(entry)).eq(hashes.iter().copied())
        }) {
            let what = format!("tile/{entries} has not the entries of tile/{asked}");
            self.found(Claim::Tree, first, what);
        }
    }

    /// The tree from its leaves up. Gives its roots at the sizes of the heads that the auditor kept.
    pub(super) fn tree(&mut self, head: &Checkpoint) -> Result<Roots, BundleError> {
        let kept = self.brought.earlier.iter();
        let kept = kept.chain(self.brought.receipts.iter().map(|receipt| &receipt.note));
        let kept = kept.filter_map(|note| Checkpoint::parse(&note.text).ok());
        let sizes: BTreeSet<u64> = kept.map(|head| head.size).collect();
        let mut edge = Edge::default();
        let mut roots = Roots::new();
        if sizes.contains(&0) {
            roots.insert(0, edge.root());
        }
        let mut upper = HashMap::new();
        for asked in tiles(head.size).filter(|tile| tile.level == Some(0)) {
            let hashes = match self.tile(asked) {
                Ok(hashes) => hashes,
                Err(what) => {
                    self.found(Claim::Tree, Some(asked.number * WIDTH as u64), what);
                    break;
                }
            };
            self.entries(asked, &hashes);
            for leaf in hashes {
                edge.push(leaf, |tile, hashes| {
                    if tile.level > 0 {
                        upper.insert((tile.level, tile.number), hashes.to_vec());
                    }
                });
                if sizes.contains(&edge.size()) {
                    roots.insert(edge.size(), edge.root());
                }
            }
        }
        upper
            .extend(edge.open().map(|(tile, hashes)| ((tile.level, tile.number), hashes.to_vec())));
        // Where leaves are missing, a head that is not signed may speak of any number of tiles.
        let is_whole = edge.size() == head.size;
        let all = is_whole.then(|| tiles(head.size)).into_iter().flatten();
        for asked in all.filter(|tile| tile.level != Some(0)) {
            let made = asked.level.and_then(|level| upper.get(&(level, asked.number)));
            match self.tile(asked) {
                Ok(stored) if made == Some(&stored) => {}
                Ok(stored) => {
                    let what = format!("tile/{asked} is not of this tree");
                    self.found(Claim::Tree, first_below(asked, made, &stored), what);
                }
                Err(what) => self.found(Claim::Tree, None, what),
            }
        }
        if is_whole && edge.root() != head.root {
            self.found(Claim::Tree, None, "the tree has another root than the signed one");
        }
        self.checked(Claim::Tree, format!("root made anew from {} leaves", edge.size()));
        Ok(roots)
    }

    /// Whether the head that was kept from an earlier time is one of this very tree.
    pub(super) fn consistency(&mut self, head: &Checkpoint, roots: &Roots) {
        let Some(note) = &self.brought.earlier else {
            return;
        };
        let seen = match Checkpoint::signed(note, self.key_of(note)) {
            Ok(earlier) => {
                if earlier.size > head.size {
                    let what = format!(
                        "the log had {} events and has {}: its tail is cut off",
                        earlier.size, head.size
                    );
                    self.found(Claim::Consistency, Some(head.size), what);
                } else if let Err(what) = is_continued(&earlier, roots) {
                    self.found(Claim::Consistency, None, what);
                }
                format!("an earlier head of {} events", earlier.size)
            }
            Err(error) => {
                self.found(Claim::Consistency, None, format!("the earlier head: {error}"));
                "an earlier head".to_owned()
            }
        };
        self.checked(Claim::Consistency, seen);
    }

    /// The log's key, or the one it had under another name, if that has signed this.
    pub(super) fn key_of(&self, note: &Note) -> &VerifierKey {
        let earlier = self.brought.earlier_key.as_ref();
        let signed = earlier.filter(|key| Checkpoint::signed(note, key).is_ok());
        signed.unwrap_or(&self.brought.key)
    }
}

/// The first entry below a tile's first hash that is another than the one made anew.
fn first_below(asked: Asked, made: Option<&Vec<Hash>>, stored: &[Hash]) -> Option<u64> {
    let another = made?.iter().zip(stored).position(|(made, stored)| made != stored)?;
    let hash = asked.number * WIDTH as u64 + another as u64;
    Some(hash << (HEIGHT * u32::from(asked.level?)))
}

/// Whether a head that the log is not shorter than is one of its tree.
pub(super) fn is_continued(earlier: &Checkpoint, roots: &Roots) -> Result<(), String> {
    match roots.get(&earlier.size) {
        Some(root) if *root == earlier.root => Ok(()),
        Some(_) => Err(format!(
            "what the log said of its first {} events is not what it says today: its history is \
             rewritten",
            earlier.size
        )),
        None => Err("the tree does not go so far that it could be held against it".to_owned()),
    }
}
