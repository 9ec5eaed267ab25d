//! Another implementation of IPFS's files: the JavaScript one, installed by its lock file when a
//! story needs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use tokio::process::Command;
use tokio::sync::OnceCell;

static INSTALLED: OnceCell<tempfile::TempDir> = OnceCell::const_new();

/// Where it lies; installed once for all stories of this run.
async fn installed() -> &'static Path {
    let install = || async {
        let folder = tempfile::tempdir().unwrap();
        for name in ["package.json", "package-lock.json", "unixfs.mjs"] {
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/world/unixfs");
            std::fs::copy(Path::new(source).join(name), folder.path().join(name)).unwrap();
        }
        let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        ended(Command::new("npm").args(words).current_dir(folder.path())).await;
        folder
    };
    INSTALLED.get_or_init(install).await.path()
}

async fn ended(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// What it calls every file of a folder, cut and tied this way.
pub async fn identifiers(chunk: usize, links: usize, folder: &Path) -> BTreeMap<String, String> {
    let (chunk, links) = (chunk.to_string(), links.to_string());
    let mut node = Command::new("node");
    node.args(["unixfs.mjs", "import", &chunk, &links]).arg(folder);
    serde_json::from_str(&ended(node.current_dir(installed().await)).await).unwrap()
}

/// The SHA-256 of the file it reads out of a folder of blocks.
pub async fn read(blocks: &Path, root: &str) -> String {
    let mut node = Command::new("node");
    node.args(["unixfs.mjs", "export"]).arg(blocks).arg(root);
    ended(node.current_dir(installed().await)).await
}
