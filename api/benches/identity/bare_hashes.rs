//! Bare argon2id at the platform's cost, on the same one core, without a platform around it.

use std::path::Path;
use std::time::{Duration, Instant};

use commands::outside::passwords::{Costs, Passwords};
use domain::id::UserId;
use eventstore::Entropy;
use secrecy::SecretString;
use tokio::time::sleep;

use crate::child::Child;
use crate::scale::{BARE, PASSWORD};

/// Run as a child of itself, with this and a file, the benchmark makes bare hashes.
pub const BARE_HASHES: &str = "bare-hashes";

/// So many a second, each of so much of a processor.
#[derive(Clone, Copy)]
pub struct Bare {
    pub per_s: f64,
    pub cpu_ms: f64,
}

impl Bare {
    /// Asks a child for them.
    pub async fn measure(folder: &Path) -> Self {
        let (log, found) = (folder.join("bare.log"), folder.join("bare"));
        let program = std::env::current_exe().unwrap();
        let words = [&program.to_string_lossy(), BARE_HASHES, &found.to_string_lossy()];
        let child = Child::start(&words, &[], &log);
        while child.is_alive() {
            sleep(Duration::from_millis(20)).await;
        }
        let text = std::fs::read_to_string(&found).unwrap();
        let (per_s, cpu_ms) = text.split_once(' ').unwrap();
        Self { per_s: per_s.parse().unwrap(), cpu_ms: cpu_ms.parse().unwrap() }
    }

    /// Between one from before and one from after.
    pub fn midpoint(self, other: Self) -> Self {
        Self {
            per_s: f64::midpoint(self.per_s, other.per_s),
            cpu_ms: f64::midpoint(self.cpu_ms, other.cpu_ms),
        }
    }
}

/// The child: what argon2id reaches on one thread.
pub async fn make(found: &str) {
    let passwords = Passwords::new([7; 32], Entropy::default(), Costs::DEFAULT, 1).unwrap();
    let user = UserId::new(7);
    let password = || SecretString::from(PASSWORD);
    let stored = passwords.hash(user, password()).await.unwrap();
    let (worked, began, mut done) = (own_s(), Instant::now(), 0);
    while began.elapsed() < BARE {
        assert!(passwords.compare(user, password(), stored.clone()).await.unwrap().matches);
        done += 1;
    }
    let (took, done) = (began.elapsed().as_secs_f64(), f64::from(done));
    let cpu_ms = (own_s() - worked) / done * 1e3;
    std::fs::write(found, format!("{} {cpu_ms}", done / took)).unwrap();
}

fn own_s() -> f64 {
    crate::child::worked_s(std::process::id())
}
