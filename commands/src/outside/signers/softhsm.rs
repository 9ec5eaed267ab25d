//! SoftHSM for tests: the library that is installed, or the one in Debian's package, unpacked into a
//! folder that goes with the test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where systems put it.
const PLACES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];
const PACKAGE: &str = "libsofthsm2";

/// The library. `folder` is for what has to be fetched.
pub fn library(folder: &Path) -> PathBuf {
    let installed = PLACES.iter().map(PathBuf::from).find(|place| place.is_file());
    installed.unwrap_or_else(|| fetched(folder))
}

fn fetched(folder: &Path) -> PathBuf {
    // A new system knows no packages yet; only root can change that.
    if !runs(folder, &["apt-get", "download", PACKAGE]) {
        runs(folder, &["apt-get", "update", "-q"]);
        let told = "SoftHSM is neither installed nor can it be fetched: apt-get install softhsm2";
        assert!(runs(folder, &["apt-get", "download", PACKAGE]), "{told}");
    }
    let package = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let package = package.filter(|path| path.extension().is_some_and(|end| end == "deb")).last();
    let package = package.unwrap().display().to_string();
    assert!(runs(folder, &["dpkg-deb", "-x", &package, "."]), "{package} cannot be unpacked");
    PLACES.iter().map(|place| folder.join(&place[1..])).find(|path| path.is_file()).unwrap()
}

fn runs(folder: &Path, words: &[&str]) -> bool {
    let command = Command::new(words[0]).args(&words[1..]).current_dir(folder).output();
    command.is_ok_and(|output| output.status.success())
}

/// The file that tells the library where its tokens are.
pub fn configuration(folder: &Path) -> PathBuf {
    let tokens = folder.join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let file = folder.join("softhsm2.conf");
    let told = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&file, told).unwrap();
    file
}
