//! Another implementation of IPFS's files: the JavaScript one, installed by its lock file when a
//! story needs it.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::process::Command;

use super::npm::{Package, ended};

static UNIXFS: Package = Package::new("unixfs", &["unixfs.mjs"]);

/// What it calls every file of a folder, cut and tied this way.
pub async fn identifiers(chunk: usize, links: usize, folder: &Path) -> BTreeMap<String, String> {
    let (chunk, links) = (chunk.to_string(), links.to_string());
    let mut node = Command::new("node");
    node.args(["unixfs.mjs", "import", &chunk, &links]).arg(folder);
    serde_json::from_str(&ended(node.current_dir(UNIXFS.installed().await)).await).unwrap()
}

/// The SHA-256 of the file it reads out of a folder of blocks.
pub async fn read(blocks: &Path, root: &str) -> String {
    let mut node = Command::new("node");
    node.args(["unixfs.mjs", "export"]).arg(blocks).arg(root);
    ended(node.current_dir(UNIXFS.installed().await)).await
}
