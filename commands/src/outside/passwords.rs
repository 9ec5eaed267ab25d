//! Password hashing: argon2id with a pepper as secret and the user's id as associated data, on few
//! threads and with a bounded queue.

use std::sync::Arc;

use argon2::password_hash::{Output, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::id::UserId;
use eventstore::Entropy;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use thiserror::Error;
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
/// How many may wait for a thread; one more is told to come back.
const QUEUE: usize = 64;

#[derive(Debug, Error)]
pub enum PasswordError {
    #[error("the queue of passwords to check is full")]
    Busy,
    #[error("a password could not be hashed: {0}")]
    Unhashable(String),
}

/// Hashes and compares passwords. Clones share the threads.
#[derive(Clone)]
pub struct Passwords {
    pepper: Arc<SecretBox<[u8; 32]>>,
    entropy: Entropy,
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// The hash of a password nobody has, for people who do not exist.
    nobodys: Arc<str>,
}

const NOBODY: UserId = UserId::new(0);

impl Passwords {
    /// `threads` hashes run at once.
    pub fn new(pepper: [u8; 32], entropy: Entropy, threads: usize) -> Result<Self, PasswordError> {
        let unusable: [u8; 32] = entropy.bytes().map_err(unhashable)?;
        let salt: [u8; 16] = entropy.bytes().map_err(unhashable)?;
        let nobodys = hash(&pepper, NOBODY, &unusable, &salt)?.into();
        Ok(Self {
            pepper: Arc::new(SecretBox::new(Box::new(pepper))),
            entropy,
            threads: Arc::new(Semaphore::new(threads)),
            places: Arc::new(Semaphore::new(threads + QUEUE)),
            nobodys,
        })
    }

    /// A PHC string. The id is bound in: moved to another person's row it matches nothing.
    pub async fn hash(
        &self,
        user: UserId,
        password: SecretString,
    ) -> Result<String, PasswordError> {
        let salt: [u8; 16] = self.entropy.bytes().map_err(unhashable)?;
        let pepper = Arc::clone(&self.pepper);
        self.on_a_thread(move || {
            hash(pepper.expose_secret(), user, password.expose_secret().as_bytes(), &salt)
        })
        .await
    }

    pub async fn matches(
        &self,
        user: UserId,
        password: SecretString,
        stored: String,
    ) -> Result<bool, PasswordError> {
        let pepper = Arc::clone(&self.pepper);
        self.on_a_thread(move || compare(pepper.expose_secret(), user, &password, &stored)).await
    }

    /// The same work for somebody who does not exist. Always false.
    pub async fn compare_with_nothing(
        &self,
        password: SecretString,
    ) -> Result<bool, PasswordError> {
        let (pepper, nobodys) = (Arc::clone(&self.pepper), Arc::clone(&self.nobodys));
        self.on_a_thread(move || compare(pepper.expose_secret(), NOBODY, &password, &nobodys))
            .await
            .map(|_| false)
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(unhashable)?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop((thread, place));
            done
        })
        .await
        .map_err(unhashable)?
    }
}

fn unhashable(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Unhashable(error.to_string())
}

fn argon2<'a>(
    pepper: &'a [u8; 32],
    user: UserId,
    costs: (u32, u32, u32),
) -> Result<Argon2<'a>, PasswordError> {
    let (memory, iterations, lanes) = costs;
    let owner = AssociatedData::new(&user.value().to_be_bytes()).map_err(unhashable)?;
    let params = ParamsBuilder::new()
        .m_cost(memory)
        .t_cost(iterations)
        .p_cost(lanes)
        .data(owner)
        .build()
        .map_err(unhashable)?;
    Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).map_err(unhashable)
}

fn hash(
    pepper: &[u8; 32],
    user: UserId,
    password: &[u8],
    salt: &[u8; 16],
) -> Result<String, PasswordError> {
    let mut output = [0; 32];
    argon2(pepper, user, (MEMORY_KIB, ITERATIONS, LANES))?
        .hash_password_into(password, salt, &mut output)
        .map_err(unhashable)?;
    let salt = SaltString::encode_b64(salt).map_err(unhashable)?;
    let output = Output::new(&output).map_err(unhashable)?;
    // Written out, because the associated data must not travel with the hash it protects.
    Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${salt}${output}"))
}

fn compare(
    pepper: &[u8; 32],
    user: UserId,
    password: &SecretString,
    stored: &str,
) -> Result<bool, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(unhashable)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(unhashable("a stored hash has no salt or no output"));
    };
    let cost = |name| stored.params.get_decimal(name).ok_or_else(|| unhashable(name));
    let costs = (cost("m")?, cost("t")?, cost("p")?);
    let mut salt_bytes = [0; 64];
    let salt = salt.decode_b64(&mut salt_bytes).map_err(unhashable)?;
    let mut output = vec![0; expected.len()];
    argon2(pepper, user, costs)?
        .hash_password_into(password.expose_secret().as_bytes(), salt, &mut output)
        .map_err(unhashable)?;
    Ok(verify_slices_are_equal(&output, expected.as_bytes()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_one_password_one_person_one_pepper() {
        let passwords = Passwords::new([1; 32], Entropy::default(), 1).unwrap();
        let other_pepper = Passwords::new([2; 32], Entropy::default(), 1).unwrap();
        let (moira, isla) = (UserId::new(7), UserId::new(8));
        let right = || SecretString::from("Peat&Smoke1994");
        let stored = passwords.hash(moira, right()).await.unwrap();

        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.matches(moira, right(), stored.clone()).await.unwrap());
        assert!(!passwords.matches(moira, "peat&smoke1994".into(), stored.clone()).await.unwrap());
        assert!(!passwords.matches(isla, right(), stored.clone()).await.unwrap());
        assert!(!other_pepper.matches(moira, right(), stored).await.unwrap());
        assert!(!passwords.compare_with_nothing(right()).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_says_so_at_once() {
        let passwords = Passwords::new([1; 32], Entropy::default(), 1).unwrap();
        let _all = passwords.places.clone().acquire_many_owned(65).await.unwrap();
        let refused = passwords.compare_with_nothing("x".into()).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
    }
}
