//! The vault: personal data sealed per subject and purpose, beside the log and never in it.
//!
//! Each datum is sealed with AES-256-GCM under a key of its own, derived from the data key of its
//! (tenant, subject, purpose) and 32 fresh random bytes, so a nonce is never used twice. The event
//! holds salt, hash of the ciphertext and a commitment to the key; it holds no trace of the datum.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{TenantId, UserId};
use domain::personal::{CLEAR_KEY, Personal, Purpose, SEALED_KEY, SealedRef};
use lru::LruCache;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::connections::Connections;
use crate::entropy::{Entropy, EntropyError};
use crate::secrets::KeyEncryptionKey;

/// Whose data, kept why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Drawer {
    pub tenant: TenantId,
    pub subject: UserId,
    pub purpose: Purpose,
}

/// A sealed datum on its way into the vault table.
pub(crate) struct Sealed {
    pub drawer: Drawer,
    pub hash: Vec<u8>,
    pub ciphertext: Vec<u8>,
}

/// A data key made for this commit, on its way into the keys table.
pub(crate) struct NewDataKey {
    pub drawer: Drawer,
    pub wrapped: Vec<u8>,
}

#[derive(Debug, Error)]
pub enum VaultError {
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("personal data could not be sealed")]
    Unsealable,
    #[error("a vault entry does not fit its reference")]
    Corrupt,
}

type DataKey = [u8; 32];

/// A datum as it lies in the vault: the hash of its ciphertext, its wrapped data key, the ciphertext.
type Found = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Lengths are rounded up to this, so that a ciphertext does not tell how long a name is.
const PADDING: usize = 32;
const CACHED_KEYS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

#[derive(Clone)]
pub struct Vault {
    log: Connections,
    entropy: Entropy,
    kek: KeyEncryptionKey,
    keys: Arc<Mutex<LruCache<Drawer, DataKey>>>,
}

impl Vault {
    pub fn new(log: Connections, entropy: Entropy, kek: KeyEncryptionKey) -> Self {
        let keys = Arc::new(Mutex::new(LruCache::new(CACHED_KEYS)));
        Self { log, entropy, kek, keys }
    }

    /// Opens a datum. `None`: it has been erased.
    pub async fn open<T: DeserializeOwned>(
        &self,
        tenant: TenantId,
        datum: &Personal<T>,
    ) -> Result<Option<T>, VaultError> {
        let reference = datum.sealed().ok_or(VaultError::Corrupt)?;
        let found = self.look_up(tenant, &[reference]).await?;
        self.open_among(&found, tenant, reference)
    }

    /// The same for two of them, asking once.
    pub async fn open_both<T: DeserializeOwned, U: DeserializeOwned>(
        &self,
        tenant: TenantId,
        one: &Personal<T>,
        other: &Personal<U>,
    ) -> Result<(Option<T>, Option<U>), VaultError> {
        let one = one.sealed().ok_or(VaultError::Corrupt)?;
        let other = other.sealed().ok_or(VaultError::Corrupt)?;
        let found = self.look_up(tenant, &[one, other]).await?;
        Ok((self.open_among(&found, tenant, one)?, self.open_among(&found, tenant, other)?))
    }

    /// The same for any number of texts, asking once.
    pub async fn open_texts(
        &self,
        tenant: TenantId,
        references: &[SealedRef],
    ) -> Result<Vec<Option<String>>, VaultError> {
        if references.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<&SealedRef> = references.iter().collect();
        let found = self.look_up(tenant, &wanted).await?;
        wanted.into_iter().map(|reference| self.open_among(&found, tenant, reference)).collect()
    }

    /// Perhaps a few more than were asked for.
    async fn look_up(
        &self,
        tenant: TenantId,
        references: &[&SealedRef],
    ) -> Result<Vec<Found>, VaultError> {
        let hashes: Result<Vec<_>, _> =
            references.iter().map(|reference| hex::decode(&reference.hash)).collect();
        let subjects: Vec<_> =
            references.iter().map(|reference| reference.subject.value()).collect();
        let purposes: Vec<_> =
            references.iter().map(|reference| reference.purpose.name()).collect();
        let question = sqlx::query_as(
            "select v.hash, k.wrapped_key, v.ciphertext from eventstore.vault v
             join eventstore.vault_keys k using (tenant, subject, purpose)
             where v.tenant = $1 and v.subject = any($2) and v.purpose = any($3)
                 and v.hash = any($4)",
        )
        .bind(tenant.value())
        .bind(subjects)
        .bind(purposes)
        .bind(hashes.map_err(|_| VaultError::Corrupt)?);
        Ok(self.log.all(question).await?)
    }

    /// By its hash, which is that of the ciphertext. One of another drawer would not open.
    fn open_among<T: DeserializeOwned>(
        &self,
        found: &[Found],
        tenant: TenantId,
        reference: &SealedRef,
    ) -> Result<Option<T>, VaultError> {
        let drawer = Drawer { tenant, subject: reference.subject, purpose: reference.purpose };
        let is_it = |(hash, _, _): &&Found| hex::encode(hash) == reference.hash;
        let Some((_, wrapped, ciphertext)) = found.iter().find(is_it) else {
            return Ok(None);
        };
        let data_key = self.unwrap(drawer, wrapped)?;
        let plain = open_field(&data_key, drawer, reference, ciphertext.clone())?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| VaultError::Corrupt)
    }

    /// The data key of a drawer. A new one must be stored in the transaction that uses it.
    pub(crate) async fn data_key(
        &self,
        drawer: Drawer,
    ) -> Result<(DataKey, Option<NewDataKey>), VaultError> {
        if let Some(key) = self.existing_key(drawer).await? {
            return Ok((key, None));
        }
        let key: DataKey = self.entropy.bytes()?;
        let wrapped = self
            .kek
            .wrap(&self.entropy, &drawer.label(), &key)
            .map_err(|_| VaultError::Unsealable)?;
        Ok((key, Some(NewDataKey { drawer, wrapped })))
    }

    /// The key inside one that is not stored yet.
    pub(crate) fn reopen(&self, fresh: &NewDataKey) -> Result<DataKey, VaultError> {
        self.unwrap(fresh.drawer, &fresh.wrapped)
    }

    async fn existing_key(&self, drawer: Drawer) -> Result<Option<DataKey>, VaultError> {
        if let Some(key) = self.cached().get(&drawer) {
            return Ok(Some(*key));
        }
        let question = sqlx::query_as(
            "select wrapped_key from eventstore.vault_keys
             where tenant = $1 and subject = $2 and purpose = $3",
        )
        .bind(drawer.tenant.value())
        .bind(drawer.subject.value())
        .bind(drawer.purpose.name());
        let row: Option<(Vec<u8>,)> = self.log.optional(question).await?;
        let Some((wrapped,)) = row else {
            return Ok(None);
        };
        let key = self.unwrap(drawer, &wrapped)?;
        // Only keys that are in the table are remembered: one whose commit failed never was.
        self.cached().put(drawer, key);
        Ok(Some(key))
    }

    /// Forgets keys that have been destroyed.
    pub(crate) fn forget(&self, drawers: &[Drawer]) {
        let mut keys = self.cached();
        for drawer in drawers {
            keys.pop(drawer);
        }
    }

    fn unwrap(&self, drawer: Drawer, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let key = self.kek.unwrap(&drawer.label(), wrapped).map_err(|_| VaultError::Corrupt)?;
        DataKey::try_from(key.as_slice()).map_err(|_| VaultError::Corrupt)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, LruCache<Drawer, DataKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawer {
    fn label(&self) -> String {
        format!("caskchain/seal/v1/{}/{}/{}", self.tenant, self.subject, self.purpose.name())
    }
}

/// What `Personal` looks like before it is sealed.
#[derive(Deserialize)]
struct Clear {
    subject: UserId,
    purpose: Purpose,
    value: Value,
}

/// Whether event data still holds something in the clear. A quote inside a JSON string is escaped,
/// so nothing a person typed can look like this.
pub(crate) fn holds_clear(data: &str) -> bool {
    data.contains(&format!("\"{CLEAR_KEY}\":"))
}

/// The drawers that `data` needs, each once.
pub(crate) fn drawers_of(tenant: TenantId, data: &Value) -> Result<Vec<Drawer>, VaultError> {
    let mut drawers = Vec::new();
    each_clear(data, &mut |clear| {
        let clear: Clear =
            serde_json::from_value(clear.clone()).map_err(|_| VaultError::Unsealable)?;
        let drawer = Drawer { tenant, subject: clear.subject, purpose: clear.purpose };
        if !drawers.contains(&drawer) {
            drawers.push(drawer);
        }
        Ok(())
    })?;
    Ok(drawers)
}

fn each_clear(
    value: &Value,
    visit: &mut dyn FnMut(&Value) -> Result<(), VaultError>,
) -> Result<(), VaultError> {
    match value {
        Value::Object(map) => match map.get(CLEAR_KEY) {
            Some(clear) => visit(clear),
            None => map.values().try_for_each(|inner| each_clear(inner, visit)),
        },
        Value::Array(items) => items.iter().try_for_each(|inner| each_clear(inner, visit)),
        _ => Ok(()),
    }
}

/// Replaces everything in the clear by its reference and gives back what goes into the vault.
pub(crate) fn seal(
    entropy: &Entropy,
    tenant: TenantId,
    keys: &[(Drawer, DataKey)],
    data: &mut Value,
) -> Result<Vec<Sealed>, VaultError> {
    let mut sealed = Vec::new();
    seal_into(entropy, tenant, keys, data, &mut sealed)?;
    Ok(sealed)
}

fn seal_into(
    entropy: &Entropy,
    tenant: TenantId,
    keys: &[(Drawer, DataKey)],
    value: &mut Value,
    sealed: &mut Vec<Sealed>,
) -> Result<(), VaultError> {
    match value {
        Value::Object(map) => {
            let Some(clear) = map.get_mut(CLEAR_KEY) else {
                return map
                    .values_mut()
                    .try_for_each(|inner| seal_into(entropy, tenant, keys, inner, sealed));
            };
            let clear: Clear =
                serde_json::from_value(clear.take()).map_err(|_| VaultError::Unsealable)?;
            let drawer = Drawer { tenant, subject: clear.subject, purpose: clear.purpose };
            let key = keys.iter().find(|(known, _)| *known == drawer).map(|(_, key)| key);
            let key = key.ok_or(VaultError::Unsealable)?;
            let plain = serde_json::to_vec(&clear.value).map_err(|_| VaultError::Unsealable)?;
            let (reference, entry) = seal_field(entropy, key, drawer, plain)?;
            let reference = serde_json::to_value(reference).map_err(|_| VaultError::Unsealable)?;
            map.clear();
            map.insert(SEALED_KEY.to_owned(), reference);
            sealed.push(entry);
            Ok(())
        }
        Value::Array(items) => {
            items.iter_mut().try_for_each(|inner| seal_into(entropy, tenant, keys, inner, sealed))
        }
        _ => Ok(()),
    }
}

fn seal_field(
    entropy: &Entropy,
    data_key: &DataKey,
    drawer: Drawer,
    mut plain: Vec<u8>,
) -> Result<(SealedRef, Sealed), VaultError> {
    let salt: [u8; 32] = entropy.bytes()?;
    let field_key = field_key(data_key, &salt, drawer)?;
    // JSON ends where its value ends, so white space pads it without a length field.
    plain.resize(plain.len().next_multiple_of(PADDING), b' ');
    single_use(&field_key)?
        .seal_in_place_append_tag(nonce(), Aad::from(drawer.label()), &mut plain)
        .map_err(|_| VaultError::Unsealable)?;
    let hash = digest(&SHA256, &plain).as_ref().to_vec();
    let reference = SealedRef {
        subject: drawer.subject,
        purpose: drawer.purpose,
        salt: URL_SAFE_NO_PAD.encode(salt),
        hash: hex::encode(&hash),
        commitment: hex::encode(commitment(&field_key)),
    };
    Ok((reference, Sealed { drawer, hash, ciphertext: plain }))
}

fn open_field(
    data_key: &DataKey,
    drawer: Drawer,
    reference: &SealedRef,
    mut ciphertext: Vec<u8>,
) -> Result<Vec<u8>, VaultError> {
    // Whoever has the keys could have put another text there; the event speaks of this one.
    if hex::encode(digest(&SHA256, &ciphertext)) != reference.hash {
        return Err(VaultError::Corrupt);
    }
    let salt = URL_SAFE_NO_PAD.decode(&reference.salt).map_err(|_| VaultError::Corrupt)?;
    let field_key = field_key(data_key, &salt, drawer)?;
    let committed = hex::decode(&reference.commitment).map_err(|_| VaultError::Corrupt)?;
    verify_slices_are_equal(&commitment(&field_key), &committed)
        .map_err(|_| VaultError::Corrupt)?;
    let plain = single_use(&field_key)?
        .open_in_place(nonce(), Aad::from(drawer.label()), &mut ciphertext)
        .map_err(|_| VaultError::Corrupt)?;
    Ok(plain.to_vec())
}

struct ThirtyTwoBytes;

impl KeyType for ThirtyTwoBytes {
    fn len(&self) -> usize {
        32
    }
}

fn field_key(data_key: &DataKey, salt: &[u8], drawer: Drawer) -> Result<[u8; 32], VaultError> {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, salt)
        .extract(data_key)
        .expand(&[drawer.label().as_bytes()], ThirtyTwoBytes)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| VaultError::Unsealable)?;
    Ok(key)
}

/// AES-GCM does not commit to its key: without this, a ciphertext could be crafted that opens to
/// two different data under the same leaf.
fn commitment(field_key: &[u8; 32]) -> Vec<u8> {
    digest(&SHA256, &[b"caskchain/commitment/v1".as_slice(), field_key].concat()).as_ref().to_vec()
}

fn single_use(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| VaultError::Unsealable)
}

/// Each key seals once, so the nonce may be constant.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawer() -> Drawer {
        Drawer { tenant: TenantId::PLATFORM, subject: UserId::new(7), purpose: Purpose::Contact }
    }

    fn event() -> Value {
        let email = Personal::new(UserId::new(7), Purpose::Contact, "moira@example.com");
        json!({ "email": email, "list": [{ "again": email }], "plain": 1 })
    }

    #[test]
    fn what_is_sealed_opens_and_leaves_no_trace_in_the_event() {
        let keys = [(drawer(), [5; 32])];
        let mut data = event();
        assert!(holds_clear(&data.to_string()));
        let sealed = seal(&Entropy::default(), TenantId::PLATFORM, &keys, &mut data).unwrap();

        assert_eq!(sealed.len(), 2);
        assert!(!holds_clear(&data.to_string()) && !data.to_string().contains("moira"));
        assert_ne!(sealed[0].ciphertext, sealed[1].ciphertext);
        let reference: SealedRef =
            serde_json::from_value(data["email"][SEALED_KEY].clone()).unwrap();
        let plain =
            open_field(&[5; 32], drawer(), &reference, sealed[0].ciphertext.clone()).unwrap();
        assert_eq!(serde_json::from_slice::<String>(&plain).unwrap(), "moira@example.com");
    }

    #[test]
    fn another_key_another_drawer_or_a_changed_byte_does_not_open() {
        let mut data = event();
        let keys = [(drawer(), [5; 32])];
        let sealed = seal(&Entropy::default(), TenantId::PLATFORM, &keys, &mut data).unwrap();
        let reference: SealedRef =
            serde_json::from_value(data["email"][SEALED_KEY].clone()).unwrap();
        let ciphertext = || sealed[0].ciphertext.clone();

        assert!(open_field(&[6; 32], drawer(), &reference, ciphertext()).is_err());
        let elsewhere = Drawer { purpose: Purpose::Excise, ..drawer() };
        assert!(open_field(&[5; 32], elsewhere, &reference, ciphertext()).is_err());
        let mut changed = ciphertext();
        changed[0] ^= 1;
        assert!(open_field(&[5; 32], drawer(), &reference, changed).is_err());
        // Another text under the right key.
        let salt = URL_SAFE_NO_PAD.decode(&reference.salt).unwrap();
        let key = field_key(&[5; 32], &salt, drawer()).unwrap();
        let mut other = b"\"m@example.com\"".to_vec();
        let label = Aad::from(drawer().label());
        single_use(&key).unwrap().seal_in_place_append_tag(nonce(), label, &mut other).unwrap();
        assert!(open_field(&[5; 32], drawer(), &reference, other).is_err());
        let uncommitted = SealedRef { commitment: "00".repeat(32), ..reference };
        assert!(open_field(&[5; 32], drawer(), &uncommitted, ciphertext()).is_err());
    }

    #[test]
    fn lengths_are_hidden_in_steps() {
        let seal_of = |text: &str| {
            let plain = serde_json::to_vec(text).unwrap();
            seal_field(&Entropy::default(), &[5; 32], drawer(), plain).unwrap().1.ciphertext.len()
        };
        assert_eq!(seal_of("Bo"), seal_of("Maximiliana van der Berg"));
    }

    #[test]
    fn text_a_person_typed_is_not_taken_for_personal_data() {
        let typed = json!({ "note": r#"{"$clear":{"value":1}}"# });
        assert!(!holds_clear(&typed.to_string()));
    }
}
