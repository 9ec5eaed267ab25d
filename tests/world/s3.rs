//! A real server that speaks S3: moto, installed by its package name when a story needs it.

use std::process::{Child, Command, Stdio};

use tokio::sync::OnceCell;

use super::{free_port, until};

/// moto with what its server needs, and without what it needs for the rest of Amazon.
const PACKAGES: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.2", "flask-cors==6.0.1"];
pub const BUCKET: &str = "casks";

/// Keeps objects in memory. Ends with the story.
pub struct S3 {
    child: Child,
    port: u16,
}

static INSTALLED: OnceCell<tempfile::TempDir> = OnceCell::const_new();

async fn package() -> &'static std::path::Path {
    let install = || async {
        let folder = tempfile::tempdir().unwrap();
        let status = tokio::process::Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
            .arg(folder.path())
            .args(PACKAGES)
            .status()
            .await
            .unwrap();
        assert!(status.success(), "pip could not install {PACKAGES:?}");
        folder
    };
    INSTALLED.get_or_init(install).await.path()
}

impl S3 {
    /// With a bucket.
    pub async fn start() -> Self {
        let port = free_port();
        let child = Command::new("python3")
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", package().await)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        let bucket = format!("{}/{BUCKET}", server.url());
        until("the bucket is there", || async {
            let made = reqwest::Client::new().put(&bucket).send().await.ok()?;
            made.status().is_success().then_some(())
        })
        .await;
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many objects there are.
    pub async fn count(&self) -> usize {
        let list = format!("{}/{BUCKET}?list-type=2", self.url());
        let text = reqwest::get(list).await.unwrap().text().await.unwrap();
        text.matches("<Key>").count()
    }

    /// Away, with all it had.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
