//! A real SMTP server: aiosmtpd, installed by its package name when a story needs it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::sync::OnceCell;

use super::{free_port, until};

const PACKAGE: &str = "aiosmtpd==1.4.6";

/// Keeps every mail it is given. Ends with the story.
pub struct MailServer {
    child: Child,
    port: u16,
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

static INSTALLED: OnceCell<tempfile::TempDir> = OnceCell::const_new();

/// Where the package lies; installed once for all stories of this run.
async fn package() -> &'static Path {
    let install = || async {
        let folder = tempfile::tempdir().unwrap();
        let status = tokio::process::Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
            .arg(folder.path())
            .arg(PACKAGE)
            .status()
            .await
            .unwrap();
        assert!(status.success(), "pip could not install {PACKAGE}");
        folder
    };
    INSTALLED.get_or_init(install).await.path()
}

impl MailServer {
    pub async fn start() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let (folder, port) = (kept.path().join("mail"), free_port());
        let child = serve(port, &folder, package().await);
        let server = Self { child, port, folder, _kept: kept };
        server.until_listening().await;
        server
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Away, with what it was given kept.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Back, at the same place.
    pub async fn start_again(&mut self) {
        self.child = serve(self.port, &self.folder, package().await);
        self.until_listening().await;
    }

    /// The mails it was given, as they came.
    pub fn mails(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("new")) else { return Vec::new() };
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }

    async fn until_listening(&self) {
        until("the mail server listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok().map(|_| ())
        })
        .await;
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(port: u16, folder: &Path, package: &Path) -> Child {
    Command::new("python3")
        .args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")])
        .args(["-c", "aiosmtpd.handlers.Mailbox"])
        .arg(folder)
        .env("PYTHONPATH", package)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
