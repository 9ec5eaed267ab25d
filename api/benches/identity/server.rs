//! The real binary with the role `api`, on the one core.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::time::sleep;

use crate::child::Child;
use crate::scale::DATABASE_CONNECTIONS;
use crate::world::{NOBODY, World};

pub const SERVICE_TOKEN: &str = "bench-service";

/// An API process.
pub struct Server {
    pub child: Child,
    pub url: String,
    pub internal_url: String,
}

impl Server {
    pub async fn start(world: &World, name: &str) -> Self {
        let (address, internal) = (free_address(), free_address());
        let data_folder = world.folder.path().join(name);
        std::fs::create_dir_all(&data_folder).unwrap();
        let log = data_folder.join("log");
        let mut settings = vec![
            ("DATA_FOLDER", data_folder.to_string_lossy().into_owned()),
            ("LISTEN", address.clone()),
            ("PUBLIC_URL", "https://casks.example".to_owned()),
            ("INTERNAL__LISTEN", internal.clone()),
            ("INTERNAL__SERVICE_TOKENS", format!(r#"["{SERVICE_TOKEN}"]"#)),
            ("DATABASE_URL", world.database_url()),
            ("DATABASE_CONNECTIONS", DATABASE_CONNECTIONS.to_string()),
            ("NATS_URL", world.nats.url()),
            ("KEY_ENCRYPTION_KEY", world.key.clone()),
            ("CHAIN__CONTRACT", NOBODY.to_owned()),
            ("CHAIN__CUSTODY", NOBODY.to_owned()),
            ("LOG__FORMAT", "json".to_owned()),
        ];
        // Everybody comes from one address.
        let limits = [
            "LIMITS__SENSITIVE_PER_MINUTE",
            "LIMITS__ANONYMOUS_PER_MINUTE",
            "LIMITS__SIGNED_IN_PER_MINUTE",
            "LIMITS__FAILURES_BEFORE_BLOCK",
        ];
        settings.extend(limits.map(|limit| (limit, "100000000".to_owned())));
        let settings =
            settings.into_iter().map(|(name, value)| (format!("CASKCHAIN_{name}"), value));
        let settings: Vec<_> = settings.collect();
        let words = [env!("CARGO_BIN_EXE_caskchain"), "serve", "--roles", "api"];
        let child = Child::start(&words, &settings, &log);
        let (url, internal_url) = (format!("http://{address}"), format!("http://{internal}"));
        until_answered(&child, &format!("{url}/ready"), &log).await;
        Self { child, url, internal_url }
    }
}

/// Waits until this address answers with 200.
pub async fn until_answered(child: &Child, url: &str, log: &Path) {
    while reqwest::get(url).await.map(|answer| answer.status()).ok() != Some(StatusCode::OK) {
        assert!(child.is_alive(), "it ended: {}", tail(log));
        sleep(Duration::from_millis(50)).await;
    }
}

/// An address nobody listens on.
pub fn free_address() -> String {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string()
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
