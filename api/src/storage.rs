//! Where files are kept: in a folder, or in the bucket that is configured.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use commands::outside::objects::{ObjectSettings, Objects, StorageKey};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, ConfigError, StorageConfig};
use crate::wiring::StartError;

/// Below the data folder, if nothing else is set.
const FOLDER: &str = "objects";

pub fn objects(config: &Config) -> Result<Objects, StartError> {
    let key = config.storage.encryption_key.as_ref().map(key).transpose()?;
    Objects::open(&settings(config)?, key).map_err(StartError::of)
}

fn settings(config: &Config) -> Result<ObjectSettings, ConfigError> {
    let StorageConfig { folder, bucket, region, endpoint, access_key, secret_key, .. } =
        config.storage.clone();
    match (folder, bucket) {
        (Some(_), Some(_)) => Err(ConfigError::Both("storage.folder", "storage.bucket")),
        (None, Some(bucket)) => match (&access_key, &secret_key) {
            (Some(_), None) => Err(ConfigError::Missing("storage.secret_key")),
            (None, Some(_)) => Err(ConfigError::Missing("storage.access_key")),
            _ => Ok(ObjectSettings::S3 { bucket, region, endpoint, access_key, secret_key }),
        },
        (folder, None) => {
            let folder = folder.unwrap_or_else(|| config.data_folder.join(FOLDER));
            Ok(ObjectSettings::Folder(folder))
        }
    }
}

fn key(text: &SecretString) -> Result<StorageKey, StartError> {
    let bytes = STANDARD.decode(text.expose_secret().trim()).ok();
    let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    let malformed =
        || StartError::of("configuration: storage.encryption_key is not 32 bytes in base64");
    bytes.map(|bytes| StorageKey::new(&bytes)).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(change: impl FnOnce(&mut StorageConfig)) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::read(None).unwrap();
        config.data_folder = folder.path().to_owned();
        change(&mut config.storage);
        objects(&config).err().map(|error| error.to_string())
    }

    #[test]
    fn files_are_kept_in_one_place_and_half_a_setting_is_named() {
        assert_eq!(complaint(|_| {}), None);
        assert_eq!(complaint(|storage| storage.bucket = Some("casks".into())), None);
        let said = complaint(|storage| {
            (storage.folder, storage.bucket) = (Some("files".into()), Some("casks".into()));
        });
        let both = "configuration: storage.folder and storage.bucket are both set, and only one can \
                    be used";
        assert_eq!(said.as_deref(), Some(both));
        let said = complaint(|storage| {
            (storage.bucket, storage.access_key) = (Some("casks".into()), Some("key".into()));
        });
        assert_eq!(said.as_deref(), Some("configuration: storage.secret_key is not set"));
        let said = complaint(|storage| storage.encryption_key = Some("c2hvcnQ=".into()));
        let short = "configuration: storage.encryption_key is not 32 bytes in base64";
        assert_eq!(said.as_deref(), Some(short));
    }
}
