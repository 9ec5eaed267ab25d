//! An auditor: takes a bundle home and has it verified.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventstore::ledger::hash::Hash;
use eventstore::ledger::note::Note;
use eventstore::ledger::receipt::Receipt;
use serde_json::Value;

use super::{World, run};

/// A bundle of a log.
pub struct Bundle {
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

/// What the verdict said.
#[derive(Debug)]
pub struct Verdict {
    pub code: i32,
    pub report: Value,
}

impl Bundle {
    /// Of everything, or of what the arguments say.
    pub async fn of(world: &World, arguments: &[&str]) -> Self {
        let bundle = Self::in_folder(tempfile::tempdir().unwrap(), "bundle");
        bundle.extend(world, arguments).await;
        bundle
    }

    /// One that is there already.
    pub fn in_folder(folder: tempfile::TempDir, name: &str) -> Self {
        Self { folder: folder.path().join(name), _kept: folder }
    }

    /// The same again, as far as the log goes now.
    pub async fn extend(&self, world: &World, arguments: &[&str]) {
        let folder = self.folder.to_str().unwrap();
        let words = [&["audit", "export", "--to-folder", folder], arguments].concat();
        run(&world.settings(&[]), &words, "").await.unwrap();
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A head to be kept for later.
    pub fn checkpoint(&self) -> PathBuf {
        self.path().join("checkpoint")
    }

    /// The file of the first events.
    pub fn events(&self) -> PathBuf {
        let files = std::fs::read_dir(self.path().join("events")).unwrap();
        files.map(|file| file.unwrap().path()).min().unwrap()
    }

    pub fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.events()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn put_lines(&self, lines: &[Value]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(self.events(), text).unwrap();
    }

    /// The verdict, offline: nothing of the platform's settings is there.
    pub async fn verdict(&self, key: &str, more: &[&str]) -> Verdict {
        self.verdict_with(&[], key, more).await
    }

    /// With settings of the platform.
    pub async fn verdict_with(
        &self,
        settings: &[(String, String)],
        key: &str,
        more: &[&str],
    ) -> Verdict {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_caskchain"))
            .args(["audit", "verify"])
            .arg(self.path())
            .args(["--key", key, "--output", "json"])
            .args(more)
            .envs(settings.iter().cloned())
            .stderr(Stdio::piped())
            .output()
            .await
            .unwrap();
        let code = output.status.code().unwrap();
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|_| {
            Value::String(String::from_utf8_lossy(&output.stderr).into_owned())
        });
        Verdict { code, report }
    }

    pub async fn holds(&self, key: &str, more: &[&str]) -> Value {
        let verdict = self.verdict(key, more).await;
        assert_eq!(verdict.code, 0, "{:#}", verdict.report);
        verdict.report
    }

    /// The first finding is about this claim, in these words, wherever it is.
    pub async fn is_refuted_for(&self, (key, more): (&str, &[&str]), claim: &str, words: &str) {
        let Verdict { code, report } = self.verdict(key, more).await;
        let first = &report["findings"][0];
        assert_eq!((code, &first["claim"]), (1, &Value::from(claim)), "{report:#}");
        assert!(first["what"].as_str().unwrap().contains(words), "{report:#}");
    }

    /// Something is found: the first finding is about this claim, at this place, in these words.
    pub async fn is_refuted(
        &self,
        (key, more): (&str, &[&str]),
        claim: &str,
        position: Option<u64>,
        words: &str,
    ) {
        let Verdict { code, report } = self.verdict(key, more).await;
        assert_eq!(code, 1, "{report:#}");
        let first = &report["findings"][0];
        assert_eq!(first["claim"], claim, "{report:#}");
        assert_eq!(first["position"].as_u64(), position, "{report:#}");
        assert!(first["what"].as_str().unwrap().contains(words), "{report:#}");
    }
}

/// An event with its proof, beside the head it leads to, as the receipt it is.
pub fn receipt_of(event: &Value, beside: &Value) -> Receipt {
    let decoded = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
    let hash = |text| Hash::try_from(decoded(text)).unwrap();
    Receipt {
        entry: decoded(&event["entry"]),
        index: event["position"].as_str().unwrap().parse().unwrap(),
        path: event["path"].as_array().unwrap().iter().map(hash).collect(),
        note: Note::parse(beside["checkpoint"].as_str().unwrap()).unwrap(),
    }
}
