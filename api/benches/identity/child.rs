//! A program that runs on the one core, alone there, and never outlives the benchmark, not even its `kill -9`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;

use rustix::process::{Pid, test_kill_process};

/// The guard of the embedded services: it ends the program when the pipe is closed, and whoever dies
/// closes their pipes.
const GUARD: &str = include_str!("../../../embedded/src/guard.sh");
/// What is measured runs here and nowhere else.
const CORE: &str = "0";
/// All cores but that one, counted before this process has left any.
static OTHERS: LazyLock<Option<String>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().unwrap().get();
    (cores > 1).then(|| format!("1-{}", cores - 1))
});

/// A running program.
pub struct Child {
    pub pid: u32,
    /// Held, never written to.
    _lifeline: ChildStdin,
}

impl Child {
    /// Starts a program with its arguments and settings; what it says goes into `log`.
    pub fn start(words: &[&str], settings: &[(String, String)], log: &Path) -> Self {
        let mut guard = Command::new("/bin/sh");
        // SIGKILL after no time: nothing here has anything to lose.
        guard.args(["-c", GUARD, "guard", "KILL", "0", ""]);
        if can_pin() {
            guard.args(["taskset", "-c", CORE]);
        }
        guard.args(words).envs(settings.iter().cloned());
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log).unwrap());
        // The guard ends with its whole group.
        let mut guard = guard.process_group(0).spawn().unwrap();
        let lifeline = guard.stdin.take().unwrap();
        let mut says = BufReader::new(guard.stdout.take().unwrap());
        let mut pid = String::new();
        says.read_line(&mut pid).unwrap();
        // It says one more line, at the end, and wants to be waited for.
        std::thread::spawn(move || {
            let _ = says.read_line(&mut String::new());
            guard.wait()
        });
        Self { pid: pid.trim().parse().unwrap(), _lifeline: lifeline }
    }

    pub fn is_alive(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid).is_ok())
    }

    pub fn resident_mib(&self) -> f64 {
        let status = about(self.pid, "status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib / 1024.0
    }

    /// Seconds of a processor it has had.
    pub fn worked_s(&self) -> f64 {
        worked_s(self.pid)
    }
}

/// Seconds of a processor a process has had.
pub fn worked_s(pid: u32) -> f64 {
    let stat = about(pid, "stat");
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    // The 14th and 15th of proc(5), in hundredths; two came before.
    let parts = after_name.split_whitespace().skip(11).take(2);
    parts.map(|part| part.parse::<f64>().unwrap() / 100.0).sum()
}

fn about(pid: u32, what: &str) -> String {
    std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(what)).unwrap()
}

/// Where there is no `taskset` and no second core, everything runs on all cores.
pub fn can_pin() -> bool {
    OTHERS.as_ref().is_some_and(|others| taskset(&["-c", others, "true"]))
}

/// From now on this process, the services and the platform are on the other cores: what is measured
/// has its core to itself.
pub fn leave_the_core() {
    let Some(others) = &*OTHERS else {
        return;
    };
    for pid in family() {
        // A process that has just ended need not be moved.
        taskset(&["-a", "-c", "-p", others, &pid.to_string()]);
    }
}

fn taskset(arguments: &[&str]) -> bool {
    let mut taskset = Command::new("taskset");
    let quiet = taskset.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// This process and all that it started, however far down.
fn family() -> Vec<u32> {
    let processes: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, after_name) = stat.rsplit_once(')')?;
            Some((pid, after_name.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect();
    let mut family = vec![std::process::id()];
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        let children = processes.iter().filter(|(_, of)| *of == parent);
        family.extend(children.map(|(pid, _)| *pid));
        at += 1;
    }
    family
}
