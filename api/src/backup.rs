//! `caskchain backup`: a base backup and all write-ahead log since, by PostgreSQL's own tools, into one
//! folder.

mod wal;

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use clap::Subcommand;
use domain::moment::Moment;
use eventstore::{Clock, database};
use reqwest::Url;

use crate::config::Config;
use crate::wiring::{StartError, required};

/// What pg_receivewal keeps its place under.
const SLOT: &str = "caskchain_backup";
/// Names a base backup: when it was complete.
const STAMP: &str = "base";

#[derive(Subcommand)]
pub enum Command {
    /// Keep the write-ahead log as it is written, for as long as this runs (pg_receivewal). What is
    /// written while it is away comes when it is back.
    #[command(after_help = "Example: caskchain backup follow --to-folder /backup")]
    Follow {
        #[arg(long)]
        to_folder: PathBuf,
    },
    /// Take a base backup and verify it (pg_basebackup, pg_verifybackup). Prints its folder.
    #[command(after_help = "Example: caskchain backup take --to-folder /backup --keep 2")]
    Take {
        #[arg(long)]
        to_folder: PathBuf,
        /// How many base backups stay, with the write-ahead log from the first of them on; all of them
        /// if left out.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        keep: Option<u64>,
    },
    /// Say what would be lost if the database were lost now. Ends with 1 if the write-ahead log is not
    /// followed, or not closely, if some of it is missing since the last base backup, or if that is too
    /// old.
    #[command(after_help = "Example: caskchain backup check --in-folder /backup --within 90000")]
    Check {
        #[arg(long)]
        in_folder: PathBuf,
        /// How old the last base backup may be, in seconds.
        #[arg(long, default_value = "90000")]
        within: u64,
        /// How far the follower may be behind, in bytes.
        #[arg(long, default_value = "67108864")]
        behind: u64,
    },
}

/// Says whether all is well.
pub async fn run(config: &Config, command: Command) -> Result<bool, StartError> {
    let url = match &config.database_backup_url {
        Some(_) => required(&config.database_backup_url, "database_backup_url")?,
        None => required(&config.database_owner_url, "database_owner_url")?,
    };
    match command {
        Command::Follow { to_folder } => Err(follow(&Server::of(&url)?, &to_folder)),
        Command::Take { to_folder, keep } => {
            println!("{}", take(&Server::of(&url)?, &to_folder, keep)?.display());
            Ok(true)
        }
        Command::Check { in_folder, within, behind } => {
            check(&url, &in_folder, within, behind).await
        }
    }
}

/// Whom the tools ask: what may stand on a command line, and what may not.
struct Server {
    url: String,
    password: String,
}

impl Server {
    fn of(url: &str) -> Result<Self, StartError> {
        let wrong = |_| StartError::Other("the database's URL cannot be read".to_owned());
        let mut url = Url::parse(url).map_err(wrong)?;
        if url.query_pairs().any(|(name, _)| name.contains("password")) {
            let what = "a password in the database's URL has to stand before the host";
            return Err(StartError::of(what));
        }
        let password = percent_encoding::percent_decode_str(url.password().unwrap_or_default());
        let password = password.decode_utf8_lossy().into_owned();
        url.set_password(None).map_err(|()| StartError::of("the database's URL names no login"))?;
        Ok(Self { url: url.into(), password })
    }

    /// One of PostgreSQL's tools, asking this server.
    fn tool(&self, name: &'static str) -> Result<Process, StartError> {
        let mut process = tool(name)?;
        process.env("PGPASSWORD", &self.password).arg("--no-password").args(["-d", &self.url]);
        Ok(process)
    }
}

/// One of PostgreSQL's programs.
pub fn tool(name: &'static str) -> Result<Process, StartError> {
    let program = embedded::postgres_program(name);
    let program = program.ok_or_else(|| {
        StartError::Other(format!("{name} is not on this machine; it comes with PostgreSQL"))
    })?;
    Ok(Process::new(program))
}

/// Runs a tool to its end.
pub fn done(process: &mut Process) -> Result<(), StartError> {
    let name = Path::new(process.get_program()).file_name().unwrap_or_default().to_owned();
    let said = |what: String| StartError::Other(format!("{}: {what}", name.display()));
    let status = process.status().map_err(|error| said(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(said(format!("it ended with {status}"))) }
}

pub fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    let path = path.to_owned();
    move |error| StartError::Other(format!("{}: {error}", path.display()))
}

/// Becomes pg_receivewal, so that signals reach it. Comes back only if that fails.
fn follow(server: &Server, folder: &Path) -> StartError {
    let wal = folder.join("wal");
    let prepared = || {
        std::fs::create_dir_all(&wal).map_err(failed(&wal))?;
        let mut slot = server.tool("pg_receivewal")?;
        done(slot.args(["--create-slot", "--if-not-exists", "--slot", SLOT]))?;
        let mut follow = server.tool("pg_receivewal")?;
        // Each write is on the disk before the server hears that it came.
        follow.args(["--synchronous", "--slot", SLOT, "-D"]).arg(&wal);
        Ok(follow)
    };
    match prepared() {
        Ok(mut follow) => StartError::of(follow.exec()),
        Err(error) => error,
    }
}

fn take(server: &Server, folder: &Path, keep: Option<u64>) -> Result<PathBuf, StartError> {
    let bases = folder.join(STAMP);
    std::fs::create_dir_all(&bases).map_err(failed(&bases))?;
    let lock = folder.join("lock");
    let locked = File::create(&lock).and_then(|file| {
        file.try_lock().map_err(std::io::Error::from)?;
        Ok(file)
    });
    let _locked = locked.map_err(failed(&lock))?;
    let draft = folder.join("base.draft");
    match std::fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(failed(&draft)(error));
        }
        _ => {}
    }
    let mut backup = server.tool("pg_basebackup")?;
    backup.args(["--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256"]);
    done(backup.arg("-D").arg(&draft))?;
    done(tool("pg_verifybackup")?.arg("--quiet").arg(&draft))?;
    let base = bases.join(Clock::system().now().to_string());
    std::fs::rename(&draft, &base).map_err(failed(&base))?;
    File::open(&bases).and_then(|bases| bases.sync_all()).map_err(failed(&bases))?;
    if let Some(keep) = keep {
        forget(folder, usize::try_from(keep).unwrap_or(usize::MAX))?;
    }
    Ok(base)
}

/// The base backups of a folder, each with when it was complete, in their order.
pub fn bases(folder: &Path) -> Result<Vec<(Moment, PathBuf)>, StartError> {
    let bases = folder.join(STAMP);
    let entries = match std::fs::read_dir(&bases) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(failed(&bases)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(&bases))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.extend(Moment::parse(&name).map(|at| (at, path)));
    }
    found.sort();
    Ok(found)
}

/// Base backups before the last so many go, and with them the write-ahead log nobody needs any more.
fn forget(folder: &Path, keep: usize) -> Result<(), StartError> {
    let mut bases = bases(folder)?;
    let kept = bases.split_off(bases.len().saturating_sub(keep));
    let Some((_, oldest)) = kept.first() else {
        return Ok(());
    };
    let label = oldest.join("backup_label");
    let text = std::fs::read_to_string(&label).map_err(failed(&label))?;
    let first = text.lines().next().and_then(|line| line.split_once("(file "));
    let first = first.and_then(|(_, rest)| rest.strip_suffix(')'));
    let first = first.ok_or_else(|| StartError::Other(format!("{}: no label", label.display())))?;
    for (_, path) in bases {
        std::fs::remove_dir_all(&path).map_err(failed(&path))?;
    }
    let wal = folder.join("wal");
    if wal.exists() { done(tool("pg_archivecleanup")?.arg(&wal).arg(first)) } else { Ok(()) }
}

async fn check(url: &str, folder: &Path, within: u64, allowed: u64) -> Result<bool, StartError> {
    let now = Clock::system().now();
    let Some((at, base)) = bases(folder)?.pop() else {
        println!("base backup: none in {}", folder.display());
        return Ok(false);
    };
    let age = now.unix_ms().saturating_sub(at.unix_ms()) / 1_000;
    println!("base backup: {age} s old, {}", base.display());
    let is_young = age.cast_unsigned() <= within;
    let database = database::plain(url).await?;
    let (segment,): (i64,) =
        sqlx::query_as("select pg_size_bytes(current_setting('wal_segment_size'))")
            .fetch_one(&database)
            .await?;
    let gap = wal::missing_since(&base, &folder.join("wal"), segment.cast_unsigned())?;
    if let Some(missing) = &gap {
        println!(
            "write-ahead log: {missing} is missing, nothing after it counts; take a base backup"
        );
    }
    let slot: Option<(bool, bool, Option<i64>, Option<String>)> = sqlx::query_as(
        "select active, coalesce(wal_status = 'lost', false),
             pg_wal_lsn_diff(pg_current_wal_flush_lsn(), restart_lsn)::bigint,
             pg_walfile_name(restart_lsn)
         from pg_replication_slots where slot_name = $1",
    )
    .bind(SLOT)
    .fetch_optional(&database)
    .await?;
    let is_followed = match slot {
        Some((is_active, _, Some(behind), file)) => {
            let wal = folder.join("wal");
            let comes_here = file.map(|file| wal::has_come(&wal, &file)).transpose()?;
            let comes_here = comes_here.unwrap_or(false);
            let who = match (is_active, comes_here) {
                (false, _) => "nobody follows it",
                (true, false) => "followed into another folder",
                (true, true) => "followed",
            };
            println!("write-ahead log: {who}, {behind} bytes behind");
            is_active && comes_here && behind <= i64::try_from(allowed).unwrap_or(i64::MAX)
        }
        Some((_, false, None, _)) => {
            println!("write-ahead log: about to be followed, nothing has come yet");
            false
        }
        Some((_, true, None, _)) => {
            println!(
                "write-ahead log: the server no longer has what is missing; drop the slot {SLOT} and \
                 begin a new folder"
            );
            false
        }
        None => {
            println!("write-ahead log: never followed");
            false
        }
    };
    Ok(is_young && is_followed && gap.is_none())
}
