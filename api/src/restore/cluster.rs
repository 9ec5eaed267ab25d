//! A data folder from a base backup, with orders to recover up to a point in time.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use domain::moment::Moment;

use crate::backup::{bases, done, failed, tool};
use crate::wiring::StartError;

#[derive(clap::Args)]
pub struct Arguments {
    /// What `backup` wrote.
    #[arg(long)]
    from_folder: PathBuf,
    /// PostgreSQL's data folder: one that is empty, or not there yet.
    #[arg(long)]
    to_folder: PathBuf,
    /// The last moment that counts, as in 2026-11-29T03:00:00.000Z; everything there is if left out. With
    /// a moment after the last commit PostgreSQL does not start.
    #[arg(long, value_parser = moment)]
    until: Option<Moment>,
}

fn moment(text: &str) -> Result<Moment, String> {
    Moment::parse(text).ok_or_else(|| "is not a moment such as 2026-11-29T03:00:00.000Z".to_owned())
}

pub fn run(arguments: &Arguments) -> Result<(), StartError> {
    let Arguments { from_folder, to_folder, until } = arguments;
    let from_folder = from_folder.canonicalize().map_err(failed(from_folder))?;
    let orders = orders(&from_folder.join("wal"), *until)?;
    let mut bases = bases(&from_folder)?;
    bases.retain(|(at, _)| until.is_none_or(|until| *at <= until));
    let (at, base) = bases
        .pop()
        .ok_or_else(|| StartError::Other("there is no base backup from before then".to_owned()))?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to_folder)
        .map_err(failed(to_folder))?;
    if std::fs::read_dir(to_folder).map_err(failed(to_folder))?.next().is_some() {
        return Err(StartError::Other(format!("{} is not empty", to_folder.display())));
    }
    // Without this file no server starts. It comes last: a folder that was left half-way, or without
    // its orders, is not to be taken for a database.
    let control = Path::new("global/pg_control");
    copy(&base, to_folder, &base.join(control))?;
    // Later lines win over what ALTER SYSTEM has left there.
    let settings = to_folder.join("postgresql.auto.conf");
    std::fs::OpenOptions::new()
        .append(true)
        .open(&settings)
        .and_then(|mut file| file.write_all(orders.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(failed(&settings))?;
    let signal = to_folder.join("recovery.signal");
    std::fs::write(&signal, "").map_err(failed(&signal))?;
    let ours = ["--ignore=postgresql.auto.conf", "--ignore=recovery.signal"];
    std::fs::copy(base.join(control), to_folder.join(control)).map_err(failed(to_folder))?;
    if let Err(error) = done(tool("pg_verifybackup")?.arg("--quiet").args(ours).arg(to_folder)) {
        std::fs::remove_file(to_folder.join(control)).map_err(failed(to_folder))?;
        return Err(error);
    }
    println!(
        "{} has the base backup of {at}. Start PostgreSQL on it, then run caskchain restore finish.",
        to_folder.display()
    );
    Ok(())
}

/// Nobody writes until the restore is finished: whoever came first would write on a log that the ledger,
/// the stream and the chain do not know of. And nobody waits for followers, who are not there yet.
fn orders(wal: &Path, until: Option<Moment>) -> Result<String, StartError> {
    let wal = wal.to_str().filter(|path| path.chars().all(is_plain)).ok_or_else(|| {
        let why = "the backup's path may only have letters, digits and any of / . _ -";
        StartError::Other(why.to_owned())
    })?;
    // It is read before PostgreSQL knows of zones by their names, Z among them.
    let offset = |at: Moment| at.to_string().replace('Z', "+00");
    // Nothing: an earlier restore may have left its own there.
    let until = until.map_or_else(String::new, offset);
    // The last segment is one that pg_receivewal had not filled yet.
    Ok(format!(
        "restore_command = 'cp {wal}/%f %p || cp {wal}/%f.partial %p'\n\
         recovery_target_time = '{until}'\n\
         recovery_target_action = 'promote'\n\
         synchronous_standby_names = ''\n\
         default_transaction_read_only = on\n"
    ))
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/._-".contains(character)
}

/// Files, folders and links, with who may read them; all but one.
fn copy(from: &Path, to: &Path, but: &Path) -> Result<(), StartError> {
    for entry in std::fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(failed(&from))?;
        if kind.is_dir() {
            std::fs::DirBuilder::new().mode(0o700).create(&to).map_err(failed(&to))?;
            copy(&from, &to, but)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&from).map_err(failed(&from))?;
            std::os::unix::fs::symlink(target, &to).map_err(failed(&to))?;
        } else if from != but {
            std::fs::copy(&from, &to).map_err(failed(&to))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_for_one_point_in_time_and_for_plain_paths() {
        let until = Moment::parse("2026-11-29T03:00:00.000Z");
        let orders_until = orders(Path::new("/backup/wal"), until).unwrap();
        assert!(orders_until.contains("recovery_target_time = '2026-11-29T03:00:00.000+00'\n"));
        let orders_for_all = orders(Path::new("/backup/wal"), None).unwrap();
        assert!(orders_for_all.contains("recovery_target_time = ''\n"));
        for path in ["/back up", "/backup'", "/backup%p", "/backup$(id)", "/backup\n"] {
            assert!(orders(Path::new(path), None).is_err(), "{path:?}");
        }
    }
}
