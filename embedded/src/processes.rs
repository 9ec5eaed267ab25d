//! Looks at the system's processes, to find what an earlier crash has left behind.

use std::path::Path;
#[cfg(not(target_os = "linux"))]
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The guard's name on its own command line.
pub(crate) const GUARD_NAME: &str = "caskchain-guard";

struct Process {
    pid: u32,
    command: String,
}

/// Kills every process that an earlier, crashed start left working on `marker` (a path that
/// stands on the command line of `program` and nobody else's), and waits until they are gone.
///
/// The caller holds the lock of the data folder, so whoever is found has no living parent.
pub(crate) async fn end_leftovers(program: &str, marker: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let mut left = with_command(program, marker);
        left.extend(working_in(marker));
        if left.is_empty() || Instant::now() > deadline {
            return;
        }
        for pid in left {
            signal(pid, Signal::KILL);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Sends a signal; that the process may be gone already is the caller's wish anyway.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Kills what still works in a folder: PostgreSQL's children after their postmaster's death.
pub(crate) fn sweep(folder: &Path) {
    for pid in working_in(folder) {
        signal(pid, Signal::KILL);
    }
}

fn with_command(program: &str, marker: &Path) -> Vec<u32> {
    let marker = marker.to_string_lossy();
    all()
        .into_iter()
        .filter(|process| process.pid != std::process::id())
        .filter(|process| is_ours(&process.command, program, &marker))
        .map(|process| process.pid)
        .collect()
}

/// An editor that has our configuration file open also has the marker on its command line, so
/// the program's own name, or the guard's, has to be there as well.
fn is_ours(command: &str, program: &str, marker: &str) -> bool {
    let mut words = command.split(' ');
    command.contains(marker)
        && words
            .any(|word| word == GUARD_NAME || Path::new(word).file_name() == Some(program.as_ref()))
}

#[cfg(target_os = "linux")]
fn all() -> Vec<Process> {
    let pids = numbers_in_proc();
    pids.filter_map(|pid| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        // A zombie has an empty command line: it is dead, only not yet buried.
        (!command.is_empty()).then_some(Process { pid, command })
    })
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn all() -> Vec<Process> {
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,command="]).output() else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (pid, command) = line.trim().split_once(' ')?;
            Some(Process { pid: pid.parse().ok()?, command: command.trim().to_owned() })
        })
        .collect()
}

#[cfg(target_os = "linux")]
fn working_in(folder: &Path) -> Vec<u32> {
    numbers_in_proc()
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            let link = |name| std::fs::read_link(format!("/proc/{pid}/{name}"));
            // Not the shell of somebody who looks around there. An upgrade since the start
            // leaves "postgres (deleted)".
            link("cwd").is_ok_and(|cwd| cwd == folder)
                && link("exe").is_ok_and(|exe| exe.to_string_lossy().contains("/postgres"))
        })
        .collect()
}

/// Without /proc PostgreSQL's children are left to notice their postmaster's death themselves.
#[cfg(not(target_os = "linux"))]
fn working_in(_folder: &Path) -> Vec<u32> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn numbers_in_proc() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_on_our_file_is_not_ours() {
        let marker = "/data/nats/nats.conf";
        assert!(is_ours("/usr/bin/nats-server -c /data/nats/nats.conf ", "nats-server", marker));
        assert!(is_ours(
            "/bin/sh -c … caskchain-guard TERM /data/nats/nats.conf",
            "nats-server",
            marker
        ));
        assert!(!is_ours("vim /data/nats/nats.conf", "nats-server", marker));
        assert!(!is_ours("/usr/bin/nats-server -c /other/nats.conf", "nats-server", marker));
    }
}
