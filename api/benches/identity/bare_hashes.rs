//! Bare argon2id at the platform's cost, on the same one core, without a platform around it: by the
//! RustCrypto crate `argon2`, and by the platform's own pool of threads.

use std::path::Path;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, ParamsBuilder, Version};
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
pub struct Pace {
    pub per_s: f64,
    pub cpu_ms: f64,
}

/// Hashes without a platform.
#[derive(Clone, Copy)]
pub struct Bare {
    /// By the RustCrypto crate, memory kept.
    pub library: Pace,
    /// By the platform's pool of one thread.
    pub pool: Pace,
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
        let numbers: Vec<f64> = text.split(' ').map(|number| number.parse().unwrap()).collect();
        let pace = |at: usize| Pace { per_s: numbers[at], cpu_ms: numbers[at + 1] };
        Self { library: pace(0), pool: pace(2) }
    }

    /// Between one from before and one from after.
    pub fn midpoint(self, other: Self) -> Self {
        let midpoint = |one: Pace, other: Pace| Pace {
            per_s: f64::midpoint(one.per_s, other.per_s),
            cpu_ms: f64::midpoint(one.cpu_ms, other.cpu_ms),
        };
        Self {
            library: midpoint(self.library, other.library),
            pool: midpoint(self.pool, other.pool),
        }
    }
}

/// The child: what argon2id reaches on one thread.
pub async fn make(found: &str) {
    let library = library().await;
    let pool = pool().await;
    let numbers = [library.per_s, library.cpu_ms, pool.per_s, pool.cpu_ms];
    std::fs::write(found, numbers.map(|number| number.to_string()).join(" ")).unwrap();
}

async fn library() -> Pace {
    let Costs { memory_kib, iterations, lanes } = Costs::DEFAULT;
    let mut params = ParamsBuilder::new();
    let params = params.m_cost(memory_kib).t_cost(iterations).p_cost(lanes).build().unwrap();
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    pace(async || {
        let (mut output, memory) = ([0; 32], memory.as_mut_slice());
        let filled = argon2.hash_password_into_with_memory(
            PASSWORD.as_bytes(),
            &[7; 16],
            &mut output,
            memory,
        );
        filled.unwrap();
    })
    .await
}

async fn pool() -> Pace {
    let passwords = Passwords::new([7; 32], Entropy::default(), Costs::DEFAULT, 1).unwrap();
    let user = UserId::new(7);
    let password = || SecretString::from(PASSWORD);
    let stored = passwords.hash(user, password()).await.unwrap();
    pace(async || {
        assert!(passwords.compare(user, password(), stored.clone()).await.unwrap().matches);
    })
    .await
}

async fn pace(mut work: impl AsyncFnMut()) -> Pace {
    let (worked, began, mut done) = (own_s(), Instant::now(), 0);
    while began.elapsed() < BARE {
        work().await;
        done += 1;
    }
    let (took, done) = (began.elapsed().as_secs_f64(), f64::from(done));
    Pace { per_s: done / took, cpu_ms: (own_s() - worked) / done * 1e3 }
}

fn own_s() -> f64 {
    crate::child::worked_s(std::process::id())
}
