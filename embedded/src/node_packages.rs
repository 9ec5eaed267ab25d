//! Installs the npm packages a folder's lock file names, for who builds or tests with them.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::install::{cache, install};
use crate::packages::npm;
use crate::{EmbeddedError, Progress};

/// What says which packages, and their hashes.
const MANIFEST: [&str; 2] = ["package.json", "package-lock.json"];

const HINT: &str = "on Debian run `apt-get install -y npm`, on macOS `brew install node`";

/// Installs what a folder's `package.json` and `package-lock.json` name in the cache folder and returns
/// the folder that has `node_modules`. The lock file's hashes are checked, and no script of a package
/// is run.
///
/// # Errors
/// npm is missing or does not install them.
pub async fn node_packages(folder: &Path, progress: &Progress) -> Result<PathBuf, EmbeddedError> {
    let missing = |why| EmbeddedError::Missing { program: "a package of npm's", why, hint: HINT };
    let name = locked_name(folder).map_err(missing)?;
    let make = async |new: PathBuf| {
        for file in MANIFEST {
            let copied = fs::copy(folder.join(file), new.join(file));
            copied.map_err(|error| format!("cannot copy {file}: {error}"))?;
        }
        npm(&[], &new).await
    };
    let line = format!("installing what {} names from npm …", folder.display());
    // npm writes this file last.
    let installed = "node_modules/.package-lock.json";
    install(&cache(None), &name, installed, &line, progress, make).await.map_err(missing)?;
    Ok(cache(None).join(name))
}

/// A name that changes with what is named: another version is another folder. (With a new Rust it
/// may change as well, which costs one more installation.)
fn locked_name(folder: &Path) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    for file in MANIFEST {
        let path = folder.join(file);
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        text.hash(&mut hasher);
    }
    let package = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{package}-{:016x}-{}-{}", hasher.finish(), env::consts::OS, env::consts::ARCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_another_folder() {
        let temp = tempfile::tempdir().unwrap();
        let name = || locked_name(temp.path());
        name().unwrap_err();
        let write = |file, text| fs::write(temp.path().join(file), text).unwrap();
        write("package.json", "{}");
        write("package-lock.json", "1");
        let first = name().unwrap();
        assert_eq!(first, name().unwrap());
        write("package-lock.json", "2");
        assert_ne!(first, name().unwrap());
    }
}
