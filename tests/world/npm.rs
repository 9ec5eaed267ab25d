//! Packages of npm, installed by their lock file when a story needs them.

use std::path::Path;
use std::process::Output;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// A folder beside this file with a lock file and scripts.
pub struct Package {
    name: &'static str,
    scripts: &'static [&'static str],
    installed: OnceCell<tempfile::TempDir>,
}

impl Package {
    pub const fn new(name: &'static str, scripts: &'static [&'static str]) -> Self {
        Self { name, scripts, installed: OnceCell::const_new() }
    }

    /// Where it lies; installed once for all stories of this run.
    pub async fn installed(&self) -> &Path {
        let install = || async {
            let folder = tempfile::tempdir().unwrap();
            for name in ["package.json", "package-lock.json"].iter().chain(self.scripts) {
                let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/world");
                let source = source.join(self.name).join(name);
                std::fs::copy(source, folder.path().join(name)).unwrap();
            }
            let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
            ended(Command::new("npm").args(words).current_dir(folder.path())).await;
            folder
        };
        self.installed.get_or_init(install).await.path()
    }
}

/// What a program printed that ended well.
pub async fn ended(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
