//! Password hashing: argon2id with a pepper as secret and the user's id as associated data, on threads
//! of its own with memory of their own, behind a bounded queue.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::{Output, PasswordHash, SaltString};
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Hasher, Params, Version};
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

/// Bytes of a hash.
const OUTPUT: usize = 32;

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
type Work = Box<dyn FnOnce(&mut Hasher) + Send>;

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
        let nobodys = hash(&pepper, NOBODY, &unusable, &salt, costs, &mut hasher(costs)?)?.into();
        let (queue, works) = channel();
        let places = Arc::new(Semaphore::new(threads * (QUEUE + 1)));
        let works = Arc::new(Mutex::new(works));
        for number in 0..threads {
            let (works, hasher) = (Arc::clone(&works), hasher(costs)?);
            std::thread::Builder::new()
                .name(format!("passwords-{number}"))
                .spawn(move || work_on(&works, hasher))
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
        self.on_a_thread(self.place()?, move |hasher| {
            let password = password.expose_secret().as_bytes();
            hash(pepper.expose_secret(), user, password, &salt, costs, hasher)
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
        self.on_a_thread(place, move |hasher| {
            compare(pepper.expose_secret(), user, &password, &stored, costs, hasher)
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
        work: impl FnOnce(&mut Hasher) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        let work = move |hasher: &mut Hasher| {
            // Whoever asked may have given up while this waited.
            if !answer.is_closed() {
                let _ = answer.send(work(hasher));
            }
            drop(place.0);
        };
        self.queue.send(Box::new(work)).map_err(|_| PasswordError::Busy)?;
        answered.await.map_err(unhashable)?
    }
}

/// One thread, with memory that is made once: asking the system for 19 MiB takes longer than filling
/// them. It is wiped after each hash.
fn work_on(works: &Mutex<Receiver<Work>>, mut hasher: Hasher) {
    loop {
        let work = works.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match work {
            Ok(work) => work(&mut hasher),
            Err(_) => return,
        }
    }
}

fn unhashable(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Unhashable(error.to_string())
}

fn argon2id(costs: Costs, length: usize) -> Result<Argon2, PasswordError> {
    let params = Params::builder()
        .memory(Memory::kib(costs.memory_kib.into()))
        .passes(costs.iterations)
        .lanes(costs.lanes)
        .tag_len(TagLen::bytes(u64::try_from(length).map_err(unhashable)?))
        .build();
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(unhashable)?))
}

fn hasher(costs: Costs) -> Result<Hasher, PasswordError> {
    Ok(argon2id(costs, OUTPUT)?.hasher())
}

fn fill(
    pepper: &[u8; 32],
    user: UserId,
    password: &[u8],
    salt: &[u8],
    costs: Costs,
    output: &mut [u8],
    hasher: &mut Hasher,
) -> Result<(), PasswordError> {
    hasher.set_argon2(argon2id(costs, output.len())?);
    let owner = user.value().to_be_bytes();
    hasher.hash_into_with_ad(password, salt, pepper, &owner, output).map_err(unhashable)
}

fn hash(
    pepper: &[u8; 32],
    user: UserId,
    password: &[u8],
    salt: &[u8; 16],
    costs: Costs,
    hasher: &mut Hasher,
) -> Result<String, PasswordError> {
    let mut output = [0; OUTPUT];
    fill(pepper, user, password, salt, costs, &mut output, hasher)?;
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
    hasher: &mut Hasher,
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
    fill(pepper, user, password, salt, costs, &mut output, hasher)?;
    let matches = verify_slices_are_equal(&output, expected.as_bytes()).is_ok();
    Ok(Compared { matches, outdated: today.exceed(&costs) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// The same by the RustCrypto crate.
    fn reference(
        pepper: &[u8; 32],
        user: UserId,
        password: &[u8],
        salt: &[u8],
        costs: Costs,
    ) -> [u8; 32] {
        let Costs { memory_kib, iterations, lanes } = costs;
        let owner = argon2::AssociatedData::new(&user.value().to_be_bytes()).unwrap();
        let mut params = argon2::ParamsBuilder::new();
        let params = params.m_cost(memory_kib).t_cost(iterations).p_cost(lanes).data(owner);
        let (algorithm, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
        let reference =
            argon2::Argon2::new_with_secret(pepper, algorithm, version, params.build().unwrap());
        let mut output = [0; OUTPUT];
        reference.unwrap().hash_password_into(password, salt, &mut output).unwrap();
        output
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn somebody_else_s_argon2id_says_the_same(
            pepper: [u8; 32],
            user in any::<i64>(),
            password in prop::collection::vec(any::<u8>(), 0..128),
            salt: [u8; 16],
            memory_kib in 32_u32..2_048,
            iterations in 1_u32..4,
            lanes in 1_u32..5,
        ) {
            let (user, costs) = (UserId::new(user), Costs { memory_kib, iterations, lanes });
            let mut output = [0; OUTPUT];
            // A thread's memory has held something before, of other costs.
            let mut hasher = hasher(CHEAP).unwrap();
            fill(&[0; 32], user, b"before", &salt, CHEAP, &mut output, &mut hasher).unwrap();
            fill(&pepper, user, &password, &salt, costs, &mut output, &mut hasher).unwrap();
            prop_assert_eq!(output, reference(&pepper, user, &password, &salt, costs));
        }
    }
}
