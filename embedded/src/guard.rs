//! Runs a program under a guard process that ends it when this process dies, however it dies.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::account::Account;
use crate::processes::{GUARD_NAME, signal, sweep};
use crate::{EmbeddedError, processes};

const SCRIPT: &str = include_str!("guard.sh");

/// Lines of a log that go into an error.
const LOG_LINES: usize = 15;

/// What to run, and how to end it should this process die.
pub(crate) struct Orders {
    /// Its name in errors.
    pub(crate) component: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The guard's way to end it: this signal, some time later SIGKILL.
    pub(crate) stop_signal: &'static str,
    pub(crate) grace: Duration,
    /// The folder in which children work that leave the process group (PostgreSQL's do).
    pub(crate) sweep: Option<PathBuf>,
    /// Whom to run as, if not as ourselves.
    pub(crate) account: Option<Account>,
    /// Variables set for it; `None` leaves the environment as it is.
    pub(crate) environment: Option<Vec<(&'static str, String)>>,
    /// Receives its output; emptied first.
    pub(crate) log: PathBuf,
}

/// A running program and the pipe whose closing ends it.
pub(crate) struct Guarded {
    component: &'static str,
    pid: u32,
    /// Held, never written to: its end is the guard's sign that we are gone.
    _lifeline: ChildStdin,
    ended: watch::Receiver<Option<i32>>,
    log: PathBuf,
}

impl Guarded {
    /// Starts the program; it runs when this returns, which says nothing of its being ready.
    pub(crate) async fn spawn(orders: Orders) -> Result<Self, EmbeddedError> {
        let mut guard = command(&orders)?
            .spawn()
            .map_err(EmbeddedError::io(format!("run {}", orders.program.display())))?;
        // Both were asked for as pipes just above.
        let (Some(lifeline), Some(says)) = (guard.stdin.take(), guard.stdout.take()) else {
            unreachable!("the guard was started with pipes");
        };
        let (pid_sender, pid) = oneshot::channel();
        let (ended_sender, ended) = watch::channel(None);
        // A thread, not a task: it has to outlive the runtime that happened to start it, for
        // test suites keep one server for many tests with a runtime each.
        std::thread::spawn(move || {
            let status = listen(says, pid_sender, orders.sweep.as_deref());
            let _ = guard.wait();
            ended_sender.send_replace(Some(status));
        });
        let pid = match timeout(Duration::from_secs(10), pid).await {
            Ok(Ok(pid)) => pid,
            _ => {
                return Err(start_error(orders.component, "its guard did not run", &orders.log));
            }
        };
        Ok(Self { component: orders.component, pid, _lifeline: lifeline, ended, log: orders.log })
    }

    /// Runs a program to its end; one that fails or takes too long is an error with its log.
    pub(crate) async fn run(orders: Orders, limit: Duration) -> Result<(), EmbeddedError> {
        let guarded = Self::spawn(orders).await?;
        match timeout(limit, guarded.ended()).await {
            Ok(0) => Ok(()),
            Ok(status) => Err(guarded.failure(&format!("it ended with status {status}"))),
            // Dropping it closes the lifeline, and the guard ends it.
            Err(_) => Err(guarded.failure(&format!("it took longer than {} s", limit.as_secs()))),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Completes with its exit status once the program and all it left behind have ended.
    pub(crate) async fn ended(&self) -> i32 {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or(-1),
            Err(_) => -1,
        }
    }

    /// Asks it to stop; after `grace` it is killed.
    pub(crate) async fn stop(&self, with: Signal, grace: Duration) -> Result<(), EmbeddedError> {
        if self.is_alive() {
            signal(self.pid, with);
            if timeout(grace, self.ended()).await.is_err() {
                return self.kill().await;
            }
        }
        Ok(())
    }

    /// Ends it at once, with SIGKILL.
    pub(crate) async fn kill(&self) -> Result<(), EmbeddedError> {
        if self.is_alive() {
            signal(self.pid, Signal::KILL);
        }
        timeout(Duration::from_secs(10), self.ended())
            .await
            .map(|_status| ())
            .map_err(|_| EmbeddedError::Stop { component: self.component, pid: self.pid })
    }

    /// Waits until `ready` says so; fails if the program ends first or the time is over.
    pub(crate) async fn until_ready<Answer: Future<Output = bool>>(
        &self,
        limit: Duration,
        // Not an async closure: the compiler could then not tell that the future is `Send`.
        mut ready: impl FnMut() -> Answer,
    ) -> Result<(), EmbeddedError> {
        let poll = async {
            while !ready().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            biased;
            status = self.ended() => {
                Err(self.failure(&format!("it ended with status {status}")))
            }
            done = timeout(limit, poll) => {
                done.map_err(|_| self.failure(&format!("it was not ready after {} s", limit.as_secs())))
            }
        }
    }

    fn failure(&self, why: &str) -> EmbeddedError {
        start_error(self.component, why, &self.log)
    }
}

fn command(orders: &Orders) -> Result<Command, EmbeddedError> {
    // Emptied at each start, so it cannot grow for ever.
    let log = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&orders.log)
        .and_then(|_| OpenOptions::new().append(true).open(&orders.log))
        .map_err(EmbeddedError::io(format!("write {}", orders.log.display())))?;
    let tenths = orders.grace.as_millis() / 100;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, GUARD_NAME, orders.stop_signal])
        .arg(tenths.to_string())
        .arg(orders.sweep.as_deref().unwrap_or(Path::new("")))
        .arg(&orders.program)
        .args(&orders.arguments)
        // Its own group: Ctrl-C in a terminal is for us, and we then stop the program in order.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log);
    if let Some(environment) = &orders.environment {
        command.env_clear().envs(environment.iter().cloned());
    }
    if let Some(account) = orders.account {
        command.uid(account.uid).gid(account.gid);
    }
    Ok(command)
}

/// Reads the guard's two lines and returns the program's exit status.
fn listen(says: ChildStdout, pid_sender: oneshot::Sender<u32>, folder: Option<&Path>) -> i32 {
    let mut lines = BufReader::new(says).lines().map_while(Result::ok);
    let Some(pid) = lines.next().and_then(|line| line.parse().ok()) else {
        return -1;
    };
    let _ = pid_sender.send(pid);
    match lines.next().and_then(|line| line.parse().ok()) {
        Some(status) => status,
        None => {
            // Somebody killed the guard alone: nobody else would end the program now.
            processes::signal(pid, Signal::KILL);
            if let Some(folder) = folder {
                sweep(folder);
            }
            -1
        }
    }
}

/// An error that ends in the last lines of a log.
pub(crate) fn start_error(component: &'static str, why: &str, log: &Path) -> EmbeddedError {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
    EmbeddedError::Start {
        component,
        why: why.to_owned(),
        log: last.iter().map(|line| format!("\n  {line}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Orders {
        Orders {
            component: "test",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            stop_signal: "TERM",
            grace: Duration::from_millis(300),
            sweep: None,
            account: None,
            environment: None,
            log: folder.join("log"),
        }
    }

    fn alive(pid: u32) -> bool {
        std::process::Command::new("/bin/sh")
            .args(["-c", &format!("kill -0 {pid} 2>/dev/null")])
            .status()
            .unwrap()
            .success()
    }

    #[tokio::test]
    async fn a_failing_run_shows_the_end_of_its_log() {
        let temp = tempfile::tempdir().unwrap();
        let orders = shell("echo first >&2; echo last words; exit 3", temp.path());
        let error = Guarded::run(orders, Duration::from_secs(5)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("status 3") && text.ends_with("last words"), "{text}");
    }

    #[tokio::test]
    async fn closing_the_lifeline_kills_even_the_stubborn() {
        let temp = tempfile::tempdir().unwrap();
        let orders =
            shell("trap '' TERM; sleep 60 & echo $!; while :; do sleep 1; done", temp.path());
        let guarded = Guarded::spawn(orders).await.unwrap();
        let pid = guarded.pid();
        let mut ended = guarded.ended.clone();
        assert!(alive(pid));
        // The program's own child has to go as well.
        let child = loop {
            let log = std::fs::read_to_string(temp.path().join("log")).unwrap();
            if let Ok(child) = log.trim().parse() {
                break child;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        drop(guarded);
        timeout(Duration::from_secs(5), ended.wait_for(Option::is_some)).await.unwrap().unwrap();
        assert!(!alive(pid));
        let gone = async {
            while alive(child) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(5), gone).await.unwrap();
    }

    #[tokio::test]
    async fn a_killed_guard_takes_the_program_along() {
        let temp = tempfile::tempdir().unwrap();
        let guarded =
            Guarded::spawn(shell("echo $PPID; sleep 60 & wait", temp.path())).await.unwrap();
        let guard = loop {
            let log = std::fs::read_to_string(temp.path().join("log")).unwrap();
            if let Ok(pid) = log.trim().parse() {
                break pid;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        signal(guard, Signal::KILL);
        let gone = async {
            while alive(guarded.pid()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(5), gone).await.unwrap();
    }
}
