//! Which key signs transactions, as a configuration says it: a section with a `kind`.

use std::path::PathBuf;

use commands::outside::signers::{AwsKmsSettings, HsmSettings, SignerSettings};
use secrecy::SecretString;
use serde::Deserialize;

/// A kind needs all its settings but the optional ones. A PIN of digits is a number to whoever reads
/// the environment: it has to stand in quotes there, or in a file that `…PIN_FILE` names.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SignerConfig {
    /// 32 bytes in hex.
    Key { key: SecretString },
    /// A file in the form of Web3 Secret Storage, version 3, with scrypt.
    Keystore { file: PathBuf, password: SecretString },
    /// A key pair in a token, each by its label.
    Pkcs11 { library: PathBuf, token: String, key: String, pin: SecretString },
    /// A key of AWS KMS. Without access and secret key, what the machine's own role may.
    Kms {
        key: String,
        region: String,
        endpoint: Option<String>,
        access_key: Option<SecretString>,
        secret_key: Option<SecretString>,
    },
}

impl From<SignerConfig> for SignerSettings {
    fn from(config: SignerConfig) -> Self {
        match config {
            SignerConfig::Key { key } => Self::Key(key),
            SignerConfig::Keystore { file, password } => Self::Keystore { file, password },
            SignerConfig::Pkcs11 { library, token, key, pin } => {
                Self::Hsm(HsmSettings { library, token, key, pin })
            }
            SignerConfig::Kms { key, region, endpoint, access_key, secret_key } => {
                Self::AwsKms(AwsKmsSettings { key, region, endpoint, access_key, secret_key })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    fn read(text: &str) -> Result<SignerSettings, String> {
        let figment = Figment::from(Toml::string(text));
        let config: SignerConfig = figment.extract().map_err(|error| error.to_string())?;
        Ok(config.into())
    }

    #[test]
    fn every_kind_is_read_and_shows_no_secret() {
        let texts = [
            "kind = 'key'\nkey = '0xpeat'",
            "kind = 'keystore'\nfile = '/run/key.json'\npassword = 'peat'",
            "kind = 'pkcs11'\nlibrary = '/usr/lib/hsm.so'\ntoken = 'minting'\nkey = 'first'\n\
             pin = '0123peat'",
            "kind = 'kms'\nkey = 'alias/minter'\nregion = 'eu-west-2'",
            "kind = 'kms'\nkey = 'alias/minter'\nregion = 'eu-west-2'\naccess_key = 'peat'\n\
             secret_key = 'peat'",
        ];
        let read = texts.map(|text| read(text).unwrap());
        assert!(matches!(
            &read,
            [
                SignerSettings::Key(_),
                SignerSettings::Keystore { .. },
                SignerSettings::Hsm(_),
                SignerSettings::AwsKms(AwsKmsSettings { access_key: None, .. }),
                SignerSettings::AwsKms(AwsKmsSettings { access_key: Some(_), .. }),
            ]
        ));
        assert!(!format!("{read:?}").contains("peat"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, missing) in [
            ("key = '0x'", "kind"),
            ("kind = 'keystore'\nfile = '/run/key.json'", "password"),
            ("kind = 'pkcs11'\nlibrary = '/usr/lib/hsm.so'\ntoken = 'x'\nkey = 'y'", "pin"),
            ("kind = 'kms'\nkey = 'alias/minter'", "region"),
            ("kind = 'paper'", "paper"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(missing), "{error}");
        }
    }
}
