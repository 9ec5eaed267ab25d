//! Password hashing: argon2id with a pepper as secret and the user's id as associated data, on threads
//! of its own with memory of their own, behind a bounded queue.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::{Output, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, AssociatedData, Block, Params, ParamsBuilder, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::id::UserId;
use eventstore::Entropy;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// What one hash costs. Raised costs reach old hashes when their owners sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    pub memory_kib: u32,
    pub iterations: u32,
    pub lanes: u32,
}

impl Costs {
    /// What OWASP asks for at least.
    pub const DEFAULT: Self = Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 };
    /// More than that is not believed of a stored hash: it would be a way to stop the platform.
    const HIGHEST: Self = Self { memory_kib: 1024 * 1024, iterations: 32, lanes: 16 };

    fn exceed(&self, other: &Self) -> bool {
        self.memory_kib > other.memory_kib
            || self.iterations > other.iterations
            || self.lanes > other.lanes
    }
}

/// How many may wait for each thread; one more is told to come back. At 25 ms a hash, the last one
/// waits under half a second.
const QUEUE: usize = 16;

#[derive(Debug, Error)]
pub enum PasswordError {
    #[error("the queue of passwords to check is full")]
    Busy,
    #[error("a password could not be hashed: {0}")]
    Unhashable(String),
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    pub matches: bool,
    /// The hash costs less than one that is made today.
    pub outdated: bool,
}

/// Hashes and compares passwords. Clones share the threads.
#[derive(Clone)]
pub struct Passwords {
    pepper: Arc<SecretBox<[u8; 32]>>,
    entropy: Entropy,
    costs: Costs,
    queue: Sender<Work>,
    places: Arc<Semaphore>,
    /// The hash of a password nobody has, for people who do not exist.
    nobodys: Arc<str>,
}

/// A place in the queue. Whoever has one is served.
pub struct Place(OwnedSemaphorePermit);

/// Something to do with a thread's memory.
type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

const NOBODY: UserId = UserId::new(0);

impl Passwords {
    /// `threads` hashes run at once. The threads end with the last clone.
    pub fn new(
        pepper: [u8; 32],
        entropy: Entropy,
        costs: Costs,
        threads: usize,
    ) -> Result<Self, PasswordError> {
        let unusable: [u8; 32] = entropy.bytes().map_err(unhashable)?;
        let salt: [u8; 16] = entropy.bytes().map_err(unhashable)?;
        let nobodys = hash(&pepper, NOBODY, &unusable, &salt, costs, &mut Vec::new())?.into();
        let (queue, works) = channel();
        let places = Arc::new(Semaphore::new(threads * (QUEUE + 1)));
        let works = Arc::new(Mutex::new(works));
        for number in 0..threads {
            let works = Arc::clone(&works);
            std::thread::Builder::new()
                .name(format!("passwords-{number}"))
                .spawn(move || work_on(&works))
                .map_err(unhashable)?;
        }
        let pepper = Arc::new(SecretBox::new(Box::new(pepper)));
        Ok(Self { pepper, entropy, costs, queue, places, nobodys })
    }

    /// A PHC string. The id is bound in: moved to another person's row it matches nothing.
    pub async fn hash(
        &self,
        user: UserId,
        password: SecretString,
    ) -> Result<String, PasswordError> {
        let salt: [u8; 16] = self.entropy.bytes().map_err(unhashable)?;
        let (pepper, costs) = (Arc::clone(&self.pepper), self.costs);
        self.on_a_thread(self.place()?, move |memory| {
            let password = password.expose_secret().as_bytes();
            hash(pepper.expose_secret(), user, password, &salt, costs, memory)
        })
        .await
    }

    /// A place in the queue, or word that there is none.
    pub fn place(&self) -> Result<Place, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Place).map_err(|_| PasswordError::Busy)
    }

    pub async fn compare(
        &self,
        user: UserId,
        password: SecretString,
        stored: String,
    ) -> Result<Compared, PasswordError> {
        self.compare_at(self.place()?, user, password, stored).await
    }

    pub async fn compare_at(
        &self,
        place: Place,
        user: UserId,
        password: SecretString,
        stored: String,
    ) -> Result<Compared, PasswordError> {
        let (pepper, costs) = (Arc::clone(&self.pepper), self.costs);
        self.on_a_thread(place, move |memory| {
            compare(pepper.expose_secret(), user, &password, &stored, costs, memory)
        })
        .await
    }

    /// The same work for somebody who does not exist. Never matches.
    pub async fn compare_with_nothing(
        &self,
        place: Place,
        password: SecretString,
    ) -> Result<Compared, PasswordError> {
        self.compare_at(place, NOBODY, password, self.nobodys.to_string()).await?;
        Ok(Compared { matches: false, outdated: false })
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        let work = move |memory: &mut Vec<Block>| {
            // Whoever asked may have given up while this waited.
            if !answer.is_closed() {
                let _ = answer.send(work(memory));
            }
            drop(place.0);
        };
        self.queue.send(Box::new(work)).map_err(|_| PasswordError::Busy)?;
        answered.await.map_err(unhashable)?
    }
}

/// One thread, with memory that is made once: asking the system for 19 MiB takes longer than filling
/// them.
fn work_on(works: &Mutex<Receiver<Work>>) {
    let mut memory = Vec::new();
    loop {
        let work = works.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match work {
            Ok(work) => work(&mut memory),
            Err(_) => return,
        }
    }
}

fn unhashable(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Unhashable(error.to_string())
}

fn params(user: UserId, costs: Costs) -> Result<Params, PasswordError> {
    let owner = AssociatedData::new(&user.value().to_be_bytes()).map_err(unhashable)?;
    ParamsBuilder::new()
        .m_cost(costs.memory_kib)
        .t_cost(costs.iterations)
        .p_cost(costs.lanes)
        .data(owner)
        .build()
        .map_err(unhashable)
}

fn fill(
    pepper: &[u8; 32],
    params: Params,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    memory: &mut Vec<Block>,
) -> Result<(), PasswordError> {
    let blocks = params.block_count();
    memory.resize(blocks.max(memory.len()), Block::default());
    Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)
        .map_err(unhashable)?
        .hash_password_into_with_memory(password, salt, output, &mut memory[..blocks])
        .map_err(unhashable)
}

fn hash(
    pepper: &[u8; 32],
    user: UserId,
    password: &[u8],
    salt: &[u8; 16],
    costs: Costs,
    memory: &mut Vec<Block>,
) -> Result<String, PasswordError> {
    let mut output = [0; 32];
    fill(pepper, params(user, costs)?, password, salt, &mut output, memory)?;
    let salt = SaltString::encode_b64(salt).map_err(unhashable)?;
    let output = Output::new(&output).map_err(unhashable)?;
    let Costs { memory_kib, iterations, lanes } = costs;
    // Written out, because the associated data must not travel with the hash it protects.
    Ok(format!("$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${salt}${output}"))
}

fn compare(
    pepper: &[u8; 32],
    user: UserId,
    password: &SecretString,
    stored: &str,
    today: Costs,
    memory: &mut Vec<Block>,
) -> Result<Compared, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(unhashable)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(unhashable("a stored hash has no salt or no output"));
    };
    let cost = |name| stored.params.get_decimal(name).ok_or_else(|| unhashable(name));
    let costs = Costs { memory_kib: cost("m")?, iterations: cost("t")?, lanes: cost("p")? };
    if costs.exceed(&Costs::HIGHEST) {
        return Err(unhashable("a stored hash costs more than any of ours"));
    }
    let mut salt_bytes = [0; 64];
    let salt = salt.decode_b64(&mut salt_bytes).map_err(unhashable)?;
    let mut output = vec![0; expected.len()];
    let password = password.expose_secret().as_bytes();
    fill(pepper, params(user, costs)?, password, salt, &mut output, memory)?;
    let matches = verify_slices_are_equal(&output, expected.as_bytes()).is_ok();
    Ok(Compared { matches, outdated: today.exceed(&costs) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Costs = Costs { memory_kib: 64, iterations: 1, lanes: 1 };

    fn passwords(pepper: u8, costs: Costs) -> Passwords {
        Passwords::new([pepper; 32], Entropy::default(), costs, 1).unwrap()
    }

    #[tokio::test]
    async fn a_hash_fits_one_password_one_person_one_pepper() {
        let (ours, theirs) = (passwords(1, Costs::DEFAULT), passwords(2, Costs::DEFAULT));
        let (moira, isla) = (UserId::new(7), UserId::new(8));
        let right = || SecretString::from("Peat&Smoke1994");
        let stored = ours.hash(moira, right()).await.unwrap();
        let matches = async |passwords: &Passwords, user, password: SecretString| {
            passwords.compare(user, password, stored.clone()).await.unwrap().matches
        };

        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(matches(&ours, moira, right()).await);
        assert!(!matches(&ours, moira, "peat&smoke1994".into()).await);
        assert!(!matches(&ours, isla, right()).await);
        assert!(!matches(&theirs, moira, right()).await);
        assert!(!ours.compare_with_nothing(ours.place().unwrap(), right()).await.unwrap().matches);
    }

    #[tokio::test]
    async fn a_hash_that_costs_less_than_today_s_still_matches_and_is_outdated() {
        let (then, today) = (passwords(1, CHEAP), passwords(1, Costs::DEFAULT));
        let (user, right) = (UserId::new(7), || SecretString::from("Peat&Smoke1994"));
        let old = then.hash(user, right()).await.unwrap();
        let compared = today.compare(user, right(), old).await.unwrap();
        assert_eq!(compared, Compared { matches: true, outdated: true });
        let new = today.hash(user, right()).await.unwrap();
        let compared = today.compare(user, right(), new).await.unwrap();
        assert_eq!(compared, Compared { matches: true, outdated: false });
    }

    #[tokio::test]
    async fn a_stored_hash_cannot_ask_for_any_amount_of_memory() {
        let ours = passwords(1, CHEAP);
        let stored = ours.hash(UserId::new(7), "x".into()).await.unwrap();
        let huge = stored.replace("m=64,", "m=4194304,");
        assert!(ours.compare(UserId::new(7), "x".into(), huge).await.is_err());
    }

    #[tokio::test]
    async fn a_full_queue_says_so_at_once() {
        let ours = passwords(1, CHEAP);
        let places: Vec<_> = std::iter::from_fn(|| ours.place().ok()).collect();
        assert_eq!(places.len(), 1 + QUEUE);
        let refused = ours.hash(UserId::new(7), "x".into()).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        drop(places);
        ours.hash(UserId::new(7), "x".into()).await.unwrap();
    }
}
