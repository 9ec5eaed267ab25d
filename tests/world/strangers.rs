//! Verifiers that nobody of us wrote: Cloudflare's library for logs of this kind, and Sigstore's.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::Value;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash,
};
use tokio::process::Command;

use super::Person;
use super::npm::Package;

static SIGSTORE: Package = Package::new("sigstore", &["verify.cjs"]);

/// Fetches a log over HTTP as such tools do: its head, and every tile up to it.
pub async fn mirrored(person: &Person, folder: &Path) {
    let base = "/api/v1/ledger";
    let head = fetched(person, &format!("{base}/checkpoint")).await;
    std::fs::write(folder.join("checkpoint"), &head).unwrap();
    let size = Checkpoint::from_bytes(&text_of(&head)).unwrap().size();
    for tile in Tile::new_tiles(8, 0, size) {
        let mut entries = tile;
        entries.set_is_data();
        let mut paths = vec![path(&tile)];
        if tile.level() == 0 {
            paths.push(path(&entries).replace("tile/data", "tile/entries"));
        }
        for path in paths {
            let bytes = fetched(person, &format!("{base}/{path}")).await;
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }
}

async fn fetched(person: &Person, path: &str) -> Vec<u8> {
    let answer = person.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

/// As the specification has it today: without the height that was once in it.
fn path(tile: &Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

/// A note's text, without its signatures.
fn text_of(note: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(note.to_vec()).unwrap();
    format!("{}\n", text.split_once("\n\n").unwrap().0).into_bytes()
}

/// What Cloudflare's library says of a log in a folder: its head is signed by this key, every entry is
/// in its tree, and it continues each of its own beginnings. Gives how many entries there are.
pub fn cloudflare(folder: &Path, key: &str) -> Result<u64, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let note = std::fs::read(folder.join("checkpoint")).map_err(|e| said(&e))?;
    let verifier = StandardVerifier::new(key).map_err(|e| said(&e))?;
    let known = VerifierList::new(vec![Box::new(verifier) as Box<dyn Verifier>]);
    let note = Note::from_bytes(&note).map_err(|e| said(&e))?;
    note.verify(&known).map_err(|e| said(&e))?;
    let head = Checkpoint::from_bytes(note.text()).map_err(|e| said(&e))?;
    let (size, root) = (head.size(), *head.hash());
    let tiles = InFolder { folder: folder.to_owned(), saved: Cell::new(0) };
    let hashes = TileHashReader::new(size, root, &tiles);
    let entries = entries(folder, size)?;
    for (index, entry) in (0..).zip(&entries) {
        let proof = prove_record(size, index, &hashes).map_err(|e| format!("at {index}: {e}"))?;
        check_record(&proof, size, root, index, record_hash(entry))
            .map_err(|e| format!("at {index}: {e}"))?;
    }
    for old in 1..=size {
        let then = tlog_tiles::tree_hash(old, &hashes).map_err(|e| said(&e))?;
        let proof = prove_tree(size, old, &hashes).map_err(|e| said(&e))?;
        check_tree(&proof, size, root, old, then).map_err(|e| format!("since {old}: {e}"))?;
    }
    assert!(tiles.saved.get() > 0, "no tile was found to be right");
    Ok(size)
}

/// The entries of a log, out of their bundles.
fn entries(folder: &Path, size: u64) -> Result<Vec<Vec<u8>>, String> {
    let mut entries = Vec::new();
    for mut tile in Tile::new_tiles(8, 0, size).into_iter().filter(|tile| tile.level() == 0) {
        tile.set_is_data();
        let file = folder.join(path(&tile).replace("tile/data", "tile/entries"));
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        let mut rest = bytes.as_slice();
        while let Some((length, more)) = rest.split_first_chunk::<2>() {
            let (entry, more) = more.split_at(u16::from_be_bytes(*length).into());
            entries.push(entry.to_vec());
            rest = more;
        }
    }
    if entries.len() as u64 == size { Ok(entries) } else { Err("entries are missing".to_owned()) }
}

struct InFolder {
    folder: PathBuf,
    /// Tiles the library found to be right.
    saved: Cell<usize>,
}

impl TileReader for InFolder {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let whole = Tile::new(8, tile.level(), tile.level_index(), 256, false);
            let width = usize::try_from(tile.width()).unwrap() * 32;
            let bytes = std::fs::read(self.folder.join(path(tile)))
                .or_else(|_| std::fs::read(self.folder.join(path(&whole))));
            Ok(bytes.unwrap_or_default().get(..width).unwrap_or_default().to_vec())
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, tiles: &[Tile], _: &[Vec<u8>]) {
        self.saved.set(self.saved.get() + tiles.len());
    }
}

/// What Sigstore's verifier says of a receipt.
pub async fn sigstore(receipt: &str, key: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("receipt.tlog-proof");
    std::fs::write(&file, receipt).unwrap();
    let mut node = Command::new("node");
    node.arg("verify.cjs").arg(key).arg(&file).current_dir(SIGSTORE.installed().await);
    let output = node.output().await.unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The key that signs the log's heads.
pub async fn key(person: &Person) -> String {
    let keys = super::until("the key is announced", || async {
        let answer = person.get("/api/v1/ledger/keys").await.expect(200);
        answer.data()["keys"].as_array().cloned().filter(|keys| !keys.is_empty())
    })
    .await;
    let Value::String(key) = &keys[0] else { panic!("{keys:?}") };
    key.clone()
}
