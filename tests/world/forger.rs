//! Somebody with the platform's own signing key: makes tokens that say what they like.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventstore::database::{self, Role};
use eventstore::secrets::{KeyEncryptionKey, Secrets};
use serde_json::Value;

use super::{Server, World};

pub struct Forger(KeyPair);

impl Forger {
    /// Reads the key as a process of the platform does.
    pub async fn new(world: &World, server: &Server) -> Self {
        let kek = server.key_encryption_key().into();
        let kek = KeyEncryptionKey::parse(&kek).unwrap();
        let pool = database::pool(&world.database_url(), Role::Log, 1).unwrap();
        let secrets = Secrets::new(pool, eventstore::Entropy::default(), kek);
        let keys = secrets.beginning_with("signing-key/").await.unwrap();
        Self(KeyPair::from_pkcs8(&keys[0].1).unwrap())
    }

    /// The token with its claims changed, rightly signed.
    pub fn forged(&self, token: &str, change: impl FnOnce(&mut Value)) -> String {
        let (header, rest) = token.split_once('.').unwrap();
        let claims = URL_SAFE_NO_PAD.decode(rest.split_once('.').unwrap().0).unwrap();
        let mut claims: Value = serde_json::from_slice(&claims).unwrap();
        change(&mut claims);
        let text = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
