//! Installs a program into the cache folder, once and whole, whoever else tries at the same time.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Progress;
use crate::account::Account;
use crate::guard::{Guarded, Orders};
use crate::processes::GUARD_NAME;

/// A download over a slow line takes its time; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(600);

/// The cache folder; with an account, one that this account gets into.
pub(crate) fn cache(account: Option<Account>) -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("CASKCHAIN_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("caskchain")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/caskchain")))
        .unwrap_or_else(|| env::temp_dir().join("caskchain-cache"));
    let cache = std::path::absolute(&cache).unwrap_or(cache);
    match account {
        // Only root has an account to change to, and root may write there.
        Some(account) if fs::create_dir_all(&cache).is_err() || !account.reaches(&cache) => {
            PathBuf::from("/var/cache/caskchain")
        }
        _ => cache,
    }
}

/// Makes `<cache>/<name>` by `make` in a folder beside it unless it is there, and returns the
/// path of `binary` in it. Errors are for people: they become the "why" of a missing program.
pub(crate) async fn install<Made: Future<Output = Result<(), String>>>(
    cache: &Path,
    name: &str,
    binary: &str,
    line: &str,
    progress: &Progress,
    // Not an async closure: the compiler could then not tell that the future is `Send`.
    make: impl FnOnce(PathBuf) -> Made,
) -> Result<PathBuf, String> {
    let target = cache.join(name);
    let program = target.join(binary);
    if program.is_file() {
        return Ok(program);
    }
    let in_words = |doing: &str| {
        let doing = format!("{doing} {}", cache.display());
        move |error| format!("cannot {doing}: {error}")
    };
    fs::create_dir_all(cache).map_err(in_words("create"))?;
    let _lock = lock(&cache.join(format!("{name}.lock"))).await?;
    // Another process may have done it while we waited.
    if program.is_file() {
        return Ok(program);
    }
    progress(line);
    // Under the lock a folder of that name can only be left over from a crash.
    let new = cache.join(format!("{name}.new"));
    let _ = fs::remove_dir_all(&new);
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&new).map_err(in_words("write to"))?;
    let made = make(new.clone()).await;
    let moved = match made {
        Ok(()) if new.join(binary).is_file() => {
            // PostgreSQL may run as somebody else, whatever our umask was.
            let readable = run(&["chmod", "-R", "a+rX", &new.to_string_lossy()], &new).await;
            readable.and_then(|()| fs::rename(&new, &target).map_err(in_words("write to")))
        }
        Ok(()) => Err(format!("the package holds no {binary}")),
        Err(why) => Err(why),
    };
    let _ = fs::remove_dir_all(&new);
    moved.map(|()| program)
}

async fn lock(path: &Path) -> Result<File, String> {
    let in_words = |error| format!("cannot lock {}: {error}", path.display());
    let file = File::create(path).map_err(in_words)?;
    let deadline = Instant::now() + LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(format!("another process holds {} for too long", path.display()));
            }
            Err(TryLockError::Error(error)) => return Err(in_words(error)),
        }
    }
}

/// Runs a command under a guard; the error is its name and its last words.
pub(crate) async fn run(words: &[&str], folder: &Path) -> Result<(), String> {
    let orders = Orders {
        component: "the installation",
        program: words[0].into(),
        arguments: words[1..].iter().map(Into::into).collect(),
        stop_signal: "TERM",
        grace: Duration::from_secs(2),
        sweep: None,
        account: None,
        environment: None,
        log: folder.join("install.log"),
    };
    let log = orders.log.clone();
    Guarded::run(orders, LIMIT).await.map_err(|_| {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no output");
        // The guard's shell says so, not the command.
        if last.starts_with(GUARD_NAME) && last.ends_with("not found") {
            return format!("`{}` is not installed", words[0]);
        }
        format!("`{}` failed: {}", words[0], last.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_is_not_there_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let why = run(&["no-such-command-here", "-v"], temp.path()).await.unwrap_err();
        assert_eq!(why, "`no-such-command-here` is not installed");
        let why = run(&["sh", "-c", "echo no network; exit 1"], temp.path()).await.unwrap_err();
        assert_eq!(why, "`sh` failed: no network");
    }

    #[tokio::test]
    async fn an_installation_happens_once_and_leaves_no_half_one() {
        let temp = tempfile::tempdir().unwrap();
        let progress: Progress = std::sync::Arc::new(|_: &str| ());
        let failing = async |folder: PathBuf| {
            fs::write(folder.join("half"), "").unwrap();
            Err("no network".to_owned())
        };
        let why = install(temp.path(), "thing", "thing", "", &progress, failing).await.unwrap_err();
        assert_eq!(why, "no network");
        assert!(!temp.path().join("thing").exists() && !temp.path().join("thing.new").exists());

        let working =
            async |folder: PathBuf| fs::write(folder.join("thing"), "1").map_err(|e| e.to_string());
        let program = install(temp.path(), "thing", "thing", "", &progress, working).await.unwrap();
        assert!(program.is_file());
        let never = async |_: PathBuf| panic!("it was installed already");
        install(temp.path(), "thing", "thing", "", &progress, never).await.unwrap();
    }
}
