//! The contract's own tools, run as its README says, and what they answer.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use embedded::Progress;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contracts");
const LIMIT: Duration = Duration::from_secs(300);

/// A copy of `contracts` that tools may write into.
pub struct Toolbox(TempDir);

impl Toolbox {
    pub async fn open() -> Self {
        let packages = embedded::node_packages(Path::new(SOURCES), &progress()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(Path::new(SOURCES), folder.path());
        let modules = folder.path().join("node_modules");
        std::os::unix::fs::symlink(packages.join("node_modules"), modules).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a script of package.json says, which has to succeed.
    pub async fn run(&self, script: &[&str]) -> String {
        let started = Instant::now();
        let Output { status, stdout, stderr } = self.try_to_run(script).await;
        let text = String::from_utf8(stdout).unwrap();
        assert!(status.success(), "{script:?}\n{text}\n{}", String::from_utf8_lossy(&stderr));
        say(&format!("npm run {}: {} s", script.join(" "), started.elapsed().as_secs()));
        text
    }

    pub async fn try_to_run(&self, script: &[&str]) -> Output {
        let mut npm = Command::new("npm");
        npm.args(["run", "--silent"]).args(script).current_dir(self.path());
        npm.stdin(Stdio::null()).kill_on_drop(true);
        timeout(LIMIT, npm.output()).await.unwrap().unwrap()
    }
}

/// Says something even though the test passes: the harness holds back only what is printed by macro.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "contract: {text}");
}

pub fn progress() -> Progress {
    Arc::new(say)
}

/// All but what a developer's own run left there.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == "node_modules" || entry.file_name() == ".forge" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
