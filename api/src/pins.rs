//! Where content is kept beside our own store: a kubo node, a pinning service, both or neither.

use commands::outside::kubo::Kubo;
use commands::outside::pinning_service::{Account, PinningService};
use commands::outside::pins::{PinTarget, Pins};

use crate::config::{ConfigError, IpfsConfig};
use crate::wiring::StartError;

pub fn pins(ipfs: &IpfsConfig) -> Result<Pins, StartError> {
    let mut targets: Vec<Box<dyn PinTarget>> = Vec::new();
    match (&ipfs.kubo_url, &ipfs.kubo_token) {
        (Some(url), token) => {
            targets.push(Box::new(Kubo::new(url, token.clone()).map_err(StartError::of)?));
        }
        (None, Some(_)) => return Err(ConfigError::Missing("ipfs.kubo_url").into()),
        (None, None) => {}
    }
    if let Some(account) = account(ipfs)? {
        targets.push(Box::new(PinningService::new(account).map_err(StartError::of)?));
    }
    Ok(Pins::new(targets))
}

/// The account at a pinning service, if there is one. Half an account is a mistake.
fn account(ipfs: &IpfsConfig) -> Result<Option<Account>, ConfigError> {
    match (ipfs.pinning_url.clone(), ipfs.pinning_token.clone()) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ConfigError::Missing("ipfs.pinning_url")),
        (Some(_), None) => Err(ConfigError::Missing("ipfs.pinning_token")),
        (Some(url), Some(token)) => Ok(Some(Account { url, token, origins: ipfs.origins.clone() })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(kubo: [bool; 2], service: [bool; 2]) -> Option<String> {
        let ipfs = IpfsConfig {
            kubo_url: kubo[0].then(|| "http://127.0.0.1:5001".to_owned()),
            kubo_token: kubo[1].then(|| "token".into()),
            pinning_url: service[0].then(|| "https://pin.example/psa".to_owned()),
            pinning_token: service[1].then(|| "token".into()),
            origins: Vec::new(),
        };
        pins(&ipfs).err().map(|error| error.to_string())
    }

    #[test]
    fn content_is_kept_nowhere_else_at_either_or_at_both() {
        for kubo in [[false, false], [true, false], [true, true]] {
            for service in [[false, false], [true, true]] {
                assert_eq!(complaint(kubo, service), None);
            }
        }
    }

    #[test]
    fn half_a_setting_is_named() {
        let missing = |name| Some(format!("configuration: {name} is not set"));
        let (whole, none) = ([true, true], [false, false]);
        assert_eq!(complaint([false, true], whole), missing("ipfs.kubo_url"));
        assert_eq!(complaint(none, [true, false]), missing("ipfs.pinning_token"));
        assert_eq!(complaint(whole, [false, true]), missing("ipfs.pinning_url"));
    }
}
