//! A partner's witness: the real binary, with a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{free_port, until};

pub struct Witness {
    child: Child,
    pub url: String,
    pub key: String,
    name: &'static str,
    port: u16,
}

impl Witness {
    /// For one log, by its verifier key.
    pub async fn start(folder: &Path, log: &str) -> Self {
        Self::start_at(("witness.example", free_port()), folder, log).await
    }

    /// One more, by a name of its own.
    pub async fn named(name: &'static str, folder: &Path, log: &str) -> Self {
        Self::start_at((name, free_port()), folder, log).await
    }

    /// The same again, after it was killed.
    pub async fn started_again(self, folder: &Path, log: &str) -> Self {
        Self::start_at((self.name, self.port), folder, log).await
    }

    async fn start_at((name, port): (&'static str, u16), folder: &Path, log: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_caskchain"))
            .args(["witness", "--name", name, "--log", log, "--folder"])
            .arg(folder)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut key = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut key).unwrap();
        let url = format!("http://127.0.0.1:{port}");
        until("the witness listens", || async {
            let told = reqwest::get(format!("{url}/key")).await.ok()?;
            assert_eq!(told.status(), 200);
            (told.text().await.ok()? == key).then_some(())
        })
        .await;
        Self { child, url, key: key.trim().to_owned(), name, port }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
