//! The real binary as a child process, to be killed at will.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{Person, World, free_port, is_alive, until};

/// Starts the server and ends it when its own standard input closes, so that nothing outlives the
/// tests. Tells the server's number first, its exit code last.
const KEEPER: &str = r#"
"$@" </dev/null 2>>"$LOG" >&2 & server=$!
echo "$server"
( cat >/dev/null; kill -9 "$server" 2>/dev/null ) <&3 &
wait "$server"; code=$?
echo "$code"
"#;

/// An account of the chain nobody uses.
pub const NOBODY: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

/// Runs a command of the binary to its end; gives what it printed.
pub async fn run(
    settings: &[(String, String)],
    arguments: &[&str],
    input: &str,
) -> Result<String, String> {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_caskchain"))
        .args(arguments)
        .envs(settings.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let ended = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
}

/// Runs a command of the binary to its end; gives its exit code and what it printed.
pub async fn ended(settings: &[(String, String)], arguments: &[&str]) -> (i32, String) {
    let ended = tokio::process::Command::new(env!("CARGO_BIN_EXE_caskchain"))
        .args(arguments)
        .envs(settings.iter().cloned())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let code = ended.status.code().unwrap_or(-1);
    assert!(code >= 0, "{}", String::from_utf8_lossy(&ended.stderr));
    (code, String::from_utf8(ended.stdout).unwrap())
}

/// A running `caskchain`.
pub struct Server {
    keeper: Child,
    answers: BufReader<std::process::ChildStdout>,
    pub pid: u32,
    pub url: String,
    pub log: PathBuf,
    pub data_folder: PathBuf,
}

impl Server {
    /// Starts `caskchain dev` on a free port.
    pub fn start(data_folder: &Path, settings: &[(String, String)]) -> Self {
        Self::start_as("dev", data_folder, settings)
    }

    /// Starts it with another command, arguments and all.
    pub fn start_as(command: &str, data_folder: &Path, settings: &[(String, String)]) -> Self {
        let port = free_port();
        std::fs::create_dir_all(data_folder).unwrap();
        let log = data_folder.join(format!("server-{port}.log"));
        // The lifeline is handed over as descriptor 3: a background job of a shell has no stdin.
        let mut keeper = Command::new("sh")
            .args(["-c", &format!("exec 3<&0; {KEEPER}"), "keeper"])
            .arg(env!("CARGO_BIN_EXE_caskchain"))
            .args(command.split(' '))
            .envs(settings.iter().cloned())
            .env("CASKCHAIN_DATA_FOLDER", data_folder)
            .env("CASKCHAIN_LISTEN", format!("127.0.0.1:{port}"))
            .env("CASKCHAIN_LOG__FORMAT", "json")
            .env("LOG", &log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(keeper.stdout.take().unwrap());
        let mut pid = String::new();
        answers.read_line(&mut pid).unwrap();
        Self {
            keeper,
            answers,
            pid: pid.trim().parse().unwrap(),
            url: format!("http://127.0.0.1:{port}"),
            log,
            data_folder: data_folder.to_owned(),
        }
    }

    pub async fn until_ready(&self) {
        let client = reqwest::Client::new();
        until("the server is ready", || async {
            assert!(is_alive(self.pid), "the server ended: {}", self.log_tail());
            let answer = client.get(format!("{}/ready", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// No line of the log holds what people keep to themselves: addresses, passwords, hashes, tokens.
    /// Every story's server is asked when it goes. Whole beginnings of tokens: request ids are random
    /// and may hold any three letters.
    pub fn keeps_secrets(&self) {
        let log = self.log_text();
        let secrets = [
            "person.",
            "@casks.example",
            "Peat&Smoke",
            "Tidal&Harbour",
            "argon2id$",
            "ccr_",
            "ccd_",
            "ccs_",
            "Brine&Heather",
            "eyJ0eXAiOi",
            "eyJhbGciOi",
        ];
        for secret in secrets {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
    }

    fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<_> = text.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Somebody without an account.
    pub fn visitor(&self) -> Person {
        Person::new(&self.url)
    }

    /// Somebody who registers, verifies and signs in.
    pub async fn person(&self, name: &str) -> Person {
        Person::new(&self.url).settled(name).await
    }

    /// The administrator every development server has.
    pub async fn administrator(&self) -> Person {
        let text = std::fs::read_to_string(self.data_folder.join("development.json")).unwrap();
        let known: Value = serde_json::from_str(&text).unwrap();
        let text = |key: &str| known[key].as_str().unwrap().to_owned();
        let mut keeper = Person::new(&self.url);
        keeper.email = text("administrator_email");
        keeper.password = text("administrator_password");
        keeper.signed_in().await
    }

    /// The key the server made for itself.
    pub fn key_encryption_key(&self) -> String {
        let file = self.data_folder.join("secrets").join("key-encryption-key");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// An administrator of another tenant, both made by command.
    pub async fn administrator_elsewhere(&self, world: &World) -> Person {
        let settings = world.settings(&[
            ("CASKCHAIN_KEY_ENCRYPTION_KEY", &self.key_encryption_key()),
            ("CASKCHAIN_CHAIN__CONTRACT", NOBODY),
            ("CASKCHAIN_CHAIN__CUSTODY", NOBODY),
        ]);
        let tenant = run(&settings, &["tenant", "create", "--name", "Elsewhere"], "").await;
        let mut person = self.visitor();
        person.tenant = Some(tenant.unwrap().trim().to_owned());
        let tenant = person.tenant.clone().unwrap();
        let arguments = ["user", "create-admin", "--tenant", &tenant, "--email", &person.email];
        run(&settings, &arguments, &person.password).await.unwrap();
        person.signed_in().await
    }

    /// kill -9, and wait for it to be over.
    pub async fn kill(self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// SIGTERM; gives the exit code and how long it took.
    pub async fn terminate(self) -> (i32, Duration) {
        let begun = std::time::Instant::now();
        self.signal(Signal::TERM);
        (self.ended().await, begun.elapsed())
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap();
        let _ = kill_process(pid, signal);
    }

    async fn ended(mut self) -> i32 {
        tokio::task::spawn_blocking(move || {
            let mut code = String::new();
            self.answers.read_line(&mut code).unwrap();
            code.trim().parse().unwrap()
        })
        .await
        .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if !std::thread::panicking() {
            self.keeps_secrets();
        }
    }
}
