//! How short messages are sent: by a webhook or Alibaba Cloud, whichever is configured, else into the
//! outbox where there is one.

use std::sync::Arc;

use commands::outside::aliyun::{Account, Aliyun};
use commands::outside::outbox::Outbox;
use commands::outside::sms::Texter;
use commands::outside::sms_webhook::SmsWebhook;
use eventstore::{Clock, Entropy};

use crate::config::{ConfigError, SmsConfig};
use crate::wiring::StartError;

/// None: short messages are not sent.
pub fn texter(
    sms: &SmsConfig,
    outbox: Option<Outbox>,
    clock: Clock,
    entropy: Entropy,
) -> Result<Option<Arc<dyn Texter>>, StartError> {
    match (&sms.webhook_url, account(sms)?) {
        (Some(_), Some(_)) => Err(ConfigError::Both("sms.webhook_url", "sms.aliyun_key_id").into()),
        (Some(url), None) => {
            let secret = sms.webhook_secret.as_ref();
            let secret = secret.ok_or(ConfigError::Missing("sms.webhook_secret"))?;
            Ok(Some(Arc::new(SmsWebhook::new(url, secret).map_err(StartError::of)?)))
        }
        (None, Some(account)) => {
            let aliyun = Aliyun::new(account, clock, entropy).map_err(StartError::of)?;
            Ok(Some(Arc::new(aliyun)))
        }
        (None, None) => Ok(outbox.map(|outbox| Arc::new(outbox) as Arc<dyn Texter>)),
    }
}

/// The account at Alibaba Cloud, if there is one. Half an account is a mistake.
fn account(sms: &SmsConfig) -> Result<Option<Account>, ConfigError> {
    let Some(key_id) = sms.aliyun_key_id.clone() else {
        return Ok(None);
    };
    let needed = |value: &Option<String>, name| value.clone().ok_or(ConfigError::Missing(name));
    let key_secret = sms.aliyun_key_secret.clone();
    Ok(Some(Account {
        url: sms.aliyun_url.clone(),
        key_id,
        key_secret: key_secret.ok_or(ConfigError::Missing("sms.aliyun_key_secret"))?,
        sign_name: needed(&sms.aliyun_sign_name, "sms.aliyun_sign_name")?,
        template: needed(&sms.aliyun_template, "sms.aliyun_template")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn outcome(change: impl FnOnce(&mut SmsConfig)) -> Result<bool, String> {
        let mut config = Config::read(None).unwrap().sms;
        change(&mut config);
        let texter = texter(&config, None, Clock::system(), Entropy::default());
        texter.map(|texter| texter.is_some()).map_err(|error| error.to_string())
    }

    fn aliyun(sms: &mut SmsConfig) {
        sms.aliyun_key_id = Some("key".into());
        sms.aliyun_key_secret = Some("secret".into());
        sms.aliyun_sign_name = Some("CaskChain".into());
        sms.aliyun_template = Some("SMS_1".into());
    }

    #[tokio::test]
    async fn short_messages_go_one_way_or_none_and_half_an_account_is_named() {
        let webhook = |sms: &mut SmsConfig| {
            sms.webhook_url = Some("http://127.0.0.1:9/sms".into());
            sms.webhook_secret = Some("secret".into());
        };
        assert_eq!(outcome(|_| {}), Ok(false));
        assert_eq!(outcome(aliyun), Ok(true));
        assert_eq!(outcome(webhook), Ok(true));
        let both = outcome(|sms| {
            aliyun(sms);
            webhook(sms);
        });
        assert!(both.unwrap_err().contains("are both set"));
        let half = outcome(|sms| sms.aliyun_key_id = Some("key".into()));
        assert_eq!(half.unwrap_err(), "configuration: sms.aliyun_key_secret is not set");
        let half = outcome(|sms| sms.webhook_url = Some("http://127.0.0.1:9/sms".into()));
        assert_eq!(half.unwrap_err(), "configuration: sms.webhook_secret is not set");
    }
}
