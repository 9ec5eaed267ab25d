//! Makes PostgreSQL's data folder and the password that guards it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use crate::account::Home;
use crate::find::PostgresPrograms;
use crate::folder::secret;
use crate::guard::{Guarded, Orders, start_error};
use crate::postgres::{NAME, PostgresOptions};
use crate::processes::end_leftovers;
use crate::{DataFolder, EmbeddedError};

const INITDB_LIMIT: Duration = Duration::from_secs(120);

impl Home {
    /// The superuser's password, kept beside the data, readable by the server's account.
    pub(crate) fn password(&self) -> Result<String, EmbeddedError> {
        let path = self.path.join("password");
        let password = secret(&path)?;
        if let Some(account) = self.account {
            chown(&path, Some(account.uid), Some(account.gid))
                .map_err(EmbeddedError::io(format!("change the owner of {}", path.display())))?;
        }
        Ok(password)
    }
}

/// Makes a cluster beside its final place and moves it there: a crash leaves no half one.
pub(crate) async fn create(
    home: &Home,
    programs: &PostgresPrograms,
    folder: &DataFolder,
    options: PostgresOptions,
) -> Result<(), EmbeddedError> {
    let new = home.path.join("data.new");
    // An initdb that outlived its crashed parent by a moment still writes there.
    end_leftovers("initdb", &new).await;
    if new.exists() {
        fs::remove_dir_all(&new).map_err(EmbeddedError::io(format!("remove {}", new.display())))?;
    }
    let mut arguments: Vec<OsString> = vec!["-D".into(), new.clone().into()];
    let pwfile = home.path.join("password");
    arguments.extend(["--pwfile".into(), pwfile.into()]);
    arguments.extend(
        ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            .map(OsString::from),
    );
    if options.throw_away {
        arguments.push("--no-sync".into());
    }
    let orders = Orders {
        component: NAME,
        program: programs.folder.join("initdb"),
        arguments,
        stop_signal: "KILL",
        grace: Duration::ZERO,
        sweep: None,
        account: home.account,
        environment: Some(environment()),
        log: folder.log("initdb"),
    };
    let log = orders.log.clone();
    Guarded::run(orders, INITDB_LIMIT).await?;
    if major_of(&new).is_none() {
        return Err(start_error(NAME, "initdb made no cluster", &log));
    }
    let data = home.path.join("data");
    fs::rename(&new, &data).map_err(EmbeddedError::io(format!("create {}", data.display())))
}

/// Nothing of ours: variables such as PGOPTIONS would change how the server behaves. The
/// locale makes it speak English in its log.
pub(crate) fn environment() -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    vec![("PATH", path), ("LC_ALL", "C".to_owned())]
}

pub(crate) fn major_of(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}
