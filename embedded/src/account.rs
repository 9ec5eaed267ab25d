//! Whom PostgreSQL runs as, and where its data can be: it refuses to be root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{DataFolder, EmbeddedError, Progress};

/// Where PostgreSQL's data goes when its own account cannot get into the data folder.
const ELSEWHERE: &str = "/var/lib/caskchain";

/// A user of this system and its first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The account to change to for PostgreSQL: none unless we are root.
    pub(crate) fn for_postgres() -> Result<Option<Self>, EmbeddedError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users =
            fs::read_to_string("/etc/passwd").map_err(EmbeddedError::io("read /etc/passwd"))?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| find(&users, name))
            .map(Some)
            .ok_or_else(|| {
                EmbeddedError::io(
                    "find the user `postgres` or `nobody`, which PostgreSQL needs as it refuses to run as root",
                )(std::io::ErrorKind::NotFound.into())
            })
    }

    /// Whether this account gets into a folder. It is tried, not computed: the mode bits of
    /// all parents, access lists and mount options then all have their say.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(folder)
            .current_dir("/")
            .uid(self.uid)
            .gid(self.gid)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

fn find(users: &str, name: &str) -> Option<Account> {
    let mut fields = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    // name:password:uid:gid; macOS writes nobody's as -2.
    let number = |text: &str| text.parse::<i64>().ok().map(|id| (id & 0xffff_ffff) as u32);
    Some(Account { uid: number(fields.nth(1)?)?, gid: number(fields.next()?)? })
}

/// The folder of PostgreSQL's data and password, and the account that owns it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) account: Option<Account>,
}

impl Home {
    /// `<data folder>/postgres`; or, when we are root and PostgreSQL's account cannot get there
    /// (below /root, say), a folder below /var/lib/caskchain named by the data folder's id.
    ///
    /// Opening /root to everybody would be the other way; a data folder is no reason for that.
    pub(crate) fn choose(
        folder: &DataFolder,
        throw_away: bool,
        progress: &Progress,
    ) -> Result<Self, EmbeddedError> {
        let path = folder.below("postgres")?;
        let Some(mut account) = Account::for_postgres()? else {
            return Ok(Self { path, account: None });
        };
        // Data made earlier by an ordinary user stays that user's.
        if let Ok(data) = fs::metadata(path.join("data"))
            && data.uid() != 0
        {
            account = Account { uid: data.uid(), gid: data.gid() };
        }
        let path =
            if account.reaches(&path) { path } else { elsewhere(folder, throw_away, progress)? };
        chown(&path, Some(account.uid), Some(account.gid))
            .map_err(EmbeddedError::io(format!("give {} to PostgreSQL's user", path.display())))?;
        Ok(Self { path, account: Some(account) })
    }
}

fn elsewhere(
    folder: &DataFolder,
    throw_away: bool,
    progress: &Progress,
) -> Result<PathBuf, EmbeddedError> {
    let mut base = PathBuf::from(ELSEWHERE);
    if throw_away {
        base.push("throw-away");
        clear_throw_aways(&base);
    }
    let path = base.join(folder.id());
    fs::create_dir_all(&path).map_err(EmbeddedError::io(format!("create {}", path.display())))?;
    let owner = base.join(format!("{}.belongs-to", folder.id()));
    fs::write(&owner, folder.path().as_os_str().as_encoded_bytes())
        .map_err(EmbeddedError::io(format!("write {}", owner.display())))?;
    let note = folder.path().join("postgres").join("DATA_IS_ELSEWHERE");
    fs::write(&note, format!("{}\n", path.display()))
        .map_err(EmbeddedError::io(format!("write {}", note.display())))?;
    progress(&format!(
        "PostgreSQL refuses to run as root and no other user gets into {}: its data is in {}",
        folder.path().display(),
        path.display()
    ));
    Ok(path)
}

/// Removes clusters whose folder is gone, so that tests of a root leave nothing behind for ever.
/// Only throw-away ones: the folder of a real one may just be on a disk that is not mounted.
fn clear_throw_aways(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let note = entry.path();
        if note.extension() != Some("belongs-to".as_ref()) {
            continue;
        }
        if let Ok(owner) = fs::read_to_string(&note)
            && !Path::new(&owner).exists()
        {
            let _ = fs::remove_dir_all(note.with_extension(""));
            let _ = fs::remove_file(&note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let users = "postgresql:x:1:2::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\nnobody:*:-2:-2::/:/bin/false\n";
        assert_eq!(find(users, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find(users, "nobody").map(|account| account.uid), Some(4_294_967_294));
        assert_eq!(find(users, "mallory"), None);
    }
}
