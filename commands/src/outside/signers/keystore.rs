//! A key in a file, encrypted under a password: Web3 Secret Storage of version 3, with scrypt.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de};
use sha3::{Digest, Keccak256};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{LocalKey, SignerError};

/// A keystore has half a kilobyte.
const MAX_FILE: u64 = 64 * 1024;
/// geth's files take 256 MiB, and a second.
const MAX_MEMORY: u64 = 1024 * 1024 * 1024;
const MAX_ROUNDS: u32 = 16;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Keystore {
    version: u32,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParameters,
    #[serde(deserialize_with = "bytes")]
    ciphertext: Vec<u8>,
    kdf: String,
    /// Looked at when it is known whose they are.
    kdfparams: serde_json::Value,
    #[serde(deserialize_with = "bytes")]
    mac: Vec<u8>,
}

#[derive(Deserialize)]
struct CipherParameters {
    #[serde(deserialize_with = "bytes")]
    iv: Vec<u8>,
}

#[derive(Deserialize)]
struct Scrypt {
    dklen: u32,
    n: u64,
    p: u32,
    r: u32,
    #[serde(deserialize_with = "bytes")]
    salt: Vec<u8>,
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    hex::decode(text.strip_prefix("0x").unwrap_or(&text)).map_err(de::Error::custom)
}

/// Reads the file and takes the key out of it.
pub async fn open(file: &Path, password: &SecretString) -> Result<LocalKey, SignerError> {
    let unusable =
        |why: String| SignerError::Unusable(format!("the keystore {}: {why}", file.display()));
    let text = read(file).await.map_err(unusable)?;
    let password = password.clone();
    let work = spawn_blocking(move || Keystore::parse(&text)?.key(&password));
    match timeout(PATIENCE, work).await {
        Ok(Ok(key)) => LocalKey::of(&key.map_err(unusable)?),
        Ok(Err(_)) => Err(unusable("it could not be decrypted".to_owned())),
        Err(_) => Err(unusable("it takes too long to decrypt".to_owned())),
    }
}

async fn read(file: &Path) -> Result<Vec<u8>, String> {
    let size = tokio::fs::metadata(file).await.map_err(|error| error.to_string())?.len();
    if size > MAX_FILE {
        return Err(format!("{size} bytes are too many for a keystore"));
    }
    tokio::fs::read(file).await.map_err(|error| error.to_string())
}

impl Keystore {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let broken = |error| format!("it is no keystore: {error}");
        let keystore: Self = serde_json::from_slice(text).map_err(broken)?;
        let Crypto { cipher, kdf, .. } = &keystore.crypto;
        if keystore.version != 3 {
            return Err(format!("it is of version {}, and only 3 is read", keystore.version));
        }
        if cipher != "aes-128-ctr" {
            return Err(format!("its cipher is {cipher:.20?}, and only aes-128-ctr is read"));
        }
        if kdf != "scrypt" {
            return Err(format!("its key derivation is {kdf:.20?}, and only scrypt is read"));
        }
        Ok(keystore)
    }

    fn key(self, password: &SecretString) -> Result<Zeroizing<Vec<u8>>, String> {
        let Crypto { cipherparams, ciphertext, kdfparams, mac, .. } = self.crypto;
        let scrypt: Scrypt = serde_json::from_value(kdfparams)
            .map_err(|error| format!("its scrypt parameters cannot be read: {error}"))?;
        let derived = scrypt.derive(password)?;
        let told = Keccak256::new_with_prefix(&derived[16..]).chain_update(&ciphertext).finalize();
        verify_slices_are_equal(&told, &mac)
            .map_err(|_| "the password does not open it, or it is damaged".to_owned())?;
        decrypted(&derived[..16], &cipherparams.iv, ciphertext)
            .ok_or_else(|| "its cipher parameters cannot be used".to_owned())
    }
}

impl Scrypt {
    /// 16 bytes that decrypt and 16 that authenticate.
    fn derive(&self, password: &SecretString) -> Result<Zeroizing<[u8; 32]>, String> {
        let memory = self.n.checked_mul(128).and_then(|bytes| bytes.checked_mul(self.r.into()));
        if memory.is_none_or(|bytes| bytes > MAX_MEMORY) || self.p > MAX_ROUNDS {
            return Err("its scrypt parameters ask for too much".to_owned());
        }
        let unusable = || "its scrypt parameters cannot be used".to_owned();
        let log_n = u8::try_from(self.n.trailing_zeros()).map_err(|_| unusable())?;
        if self.dklen != 32 || !self.n.is_power_of_two() {
            return Err(unusable());
        }
        let parameters = scrypt::Params::new(log_n, self.r, self.p).map_err(|_| unusable())?;
        let mut derived = Zeroizing::new([0; 32]);
        let password = password.expose_secret().as_bytes();
        scrypt::scrypt(password, &self.salt, &parameters, &mut *derived).map_err(|_| unusable())?;
        Ok(derived)
    }
}

fn decrypted(key: &[u8], iv: &[u8], mut text: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
    let key = UnboundCipherKey::new(&AES_128, key).ok()?;
    let iv: [u8; 16] = iv.try_into().ok()?;
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    DecryptingKey::ctr(key).ok()?.decrypt(&mut text, context).ok()?;
    Some(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::super::DigestSigner;
    use super::super::signature::tests::{ADDRESS, KEY};
    use super::*;

    /// Written by eth-keyfile, which is in Python.
    const EXAMPLE: &str = include_str!("keystore/example.json");

    type Change = fn(&mut Value);

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, text: &str) -> PathBuf {
            let file = self.0.path().join("key.json");
            std::fs::write(&file, text).unwrap();
            file
        }

        /// A keystore as ethers writes it.
        fn made(&self, password: &str) -> PathBuf {
            let key = hex::decode(KEY).unwrap();
            let mut random = ethers_core::rand::thread_rng();
            let made = ethers_signers::LocalWallet::encrypt_keystore(
                self.0.path(),
                &mut random,
                key,
                password,
                Some("made.json"),
            );
            made.unwrap();
            self.0.path().join("made.json")
        }
    }

    async fn refused(text: &str, password: &str) -> String {
        let folder = Folder::new();
        let file = folder.file(text);
        let error = open(&file, &password.into()).await.unwrap_err();
        let said = error.to_string();
        let begin = format!("the signer cannot be used: the keystore {}: ", file.display());
        let why = said.strip_prefix(&begin).unwrap_or_else(|| panic!("{said}"));
        why.to_owned()
    }

    fn changed(change: impl FnOnce(&mut Value)) -> String {
        let mut keystore: Value = serde_json::from_str(EXAMPLE).unwrap();
        change(&mut keystore);
        keystore.to_string()
    }

    #[tokio::test]
    async fn what_other_implementations_wrote_is_opened() {
        let folder = Folder::new();
        let key = open(&folder.file(EXAMPLE), &"testpassword".into()).await.unwrap();
        assert_eq!(key.address().to_string(), ADDRESS);
        let file = folder.made("pęat & smoke");
        let key = open(&file, &"pęat & smoke".into()).await.unwrap();
        assert_eq!(key.address().to_string(), ADDRESS);
    }

    #[tokio::test]
    async fn a_wrong_password_and_a_broken_file_are_told_in_a_sentence() {
        let wrong = "the password does not open it, or it is damaged";
        assert_eq!(refused(EXAMPLE, "another").await, wrong);
        let damaged = changed(|it| it["crypto"]["ciphertext"] = json!("00".repeat(32)));
        assert_eq!(refused(&damaged, "testpassword").await, wrong);
        assert!(refused("", "x").await.starts_with("it is no keystore: "));
        assert!(refused("{}", "x").await.starts_with("it is no keystore: "));
        let cut = &EXAMPLE[..EXAMPLE.len() / 2];
        assert!(refused(cut, "testpassword").await.starts_with("it is no keystore: "));
        let absent = open(Path::new("/nowhere/key.json"), &"x".into()).await.unwrap_err();
        assert!(absent.to_string().contains("/nowhere/key.json: No such file"), "{absent}");
        let long = " ".repeat(70_000);
        assert_eq!(refused(&long, "x").await, "70000 bytes are too many for a keystore");
    }

    #[tokio::test]
    async fn what_is_not_understood_is_named() {
        let cases: [(Change, &str); 9] = [
            (|it| it["version"] = json!(4), "it is of version 4, and only 3 is read"),
            (
                |it| it["crypto"]["kdf"] = json!("pbkdf2"),
                "its key derivation is \"pbkdf2\", and only scrypt is read",
            ),
            (
                |it| it["crypto"]["cipher"] = json!("aes-128-cbc"),
                "its cipher is \"aes-128-cbc\", and only aes-128-ctr is read",
            ),
            (
                |it| it["crypto"]["kdfparams"]["n"] = json!(1_u64 << 40),
                "its scrypt parameters ask for too much",
            ),
            (
                |it| it["crypto"]["kdfparams"]["p"] = json!(1_000),
                "its scrypt parameters ask for too much",
            ),
            (
                |it| it["crypto"]["kdfparams"]["n"] = json!(1000),
                "its scrypt parameters cannot be used",
            ),
            (
                // As in the definition's own example: RFC 7914 wants more than that for each block.
                |it| {
                    it["crypto"]["kdfparams"]["n"] = json!(262_144);
                    it["crypto"]["kdfparams"]["r"] = json!(1);
                },
                "its scrypt parameters cannot be used",
            ),
            (
                |it| it["crypto"]["kdfparams"]["dklen"] = json!(16),
                "its scrypt parameters cannot be used",
            ),
            (
                |it| it["crypto"]["cipherparams"]["iv"] = json!("00"),
                "its cipher parameters cannot be used",
            ),
        ];
        for (change, why) in cases {
            assert_eq!(refused(&changed(change), "testpassword").await, why);
        }
        let without = changed(|it| it["crypto"]["kdfparams"] = json!({}));
        let why = refused(&without, "testpassword").await;
        assert!(why.starts_with("its scrypt parameters cannot be read: "), "{why}");
    }
}
