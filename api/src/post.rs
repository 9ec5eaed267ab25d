//! How mail is sent: by SMTP or Mailjet, whichever is configured, else into the outbox.

use std::sync::Arc;

use commands::outside::mail::Post;
use commands::outside::mailjet::{Account, Mailjet};
use commands::outside::outbox::Outbox;
use commands::outside::smtp::Smtp;

use crate::config::{ConfigError, MailConfig};
use crate::wiring::StartError;

pub fn post(mail: &MailConfig, outbox: Option<Outbox>) -> Result<Arc<dyn Post>, StartError> {
    match (&mail.smtp_url, account(mail)?, outbox) {
        // A mail must have one way to go, and nobody should have to guess which.
        (Some(_), Some(_), _) => Err(ConfigError::Both("mail.smtp_url", "mail.mailjet_key").into()),
        (Some(url), None, _) => Ok(Arc::new(Smtp::new(url, &mail.from).map_err(StartError::of)?)),
        (None, Some(account), _) => Ok(Arc::new(Mailjet::new(account).map_err(StartError::of)?)),
        (None, None, Some(outbox)) => Ok(Arc::new(outbox)),
        (None, None, None) => Err(ConfigError::Missing("mail.smtp_url").into()),
    }
}

/// The account at Mailjet, if there is one. Half an account is a mistake.
fn account(mail: &MailConfig) -> Result<Option<Account>, ConfigError> {
    match (mail.mailjet_key.clone(), mail.mailjet_secret.clone()) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ConfigError::Missing("mail.mailjet_key")),
        (Some(_), None) => Err(ConfigError::Missing("mail.mailjet_secret")),
        (Some(key), Some(secret)) => {
            let (url, from) = (mail.mailjet_url.clone(), mail.from.clone());
            Ok(Some(Account { url, key, secret, from }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(smtp: bool, key: bool, secret: bool) -> MailConfig {
        MailConfig {
            smtp_url: smtp.then(|| "smtp://127.0.0.1:25".into()),
            mailjet_key: key.then(|| "the-key".into()),
            mailjet_secret: secret.then(|| "the-secret".into()),
            mailjet_url: "https://api.mailjet.com".to_owned(),
            from: "CaskChain <no-reply@casks.example>".to_owned(),
        }
    }

    fn complaint(mail: &MailConfig) -> Option<String> {
        post(mail, None).err().map(|error| error.to_string())
    }

    #[tokio::test]
    async fn mail_goes_one_way_and_two_are_a_mistake() {
        assert_eq!(complaint(&mail(true, false, false)), None);
        assert_eq!(complaint(&mail(false, true, true)), None);
        let both = "configuration: mail.smtp_url and mail.mailjet_key are both set, and only one \
                    can be used";
        assert_eq!(complaint(&mail(true, true, true)).as_deref(), Some(both));
    }

    #[tokio::test]
    async fn half_an_account_is_named_whatever_else_is_set() {
        for smtp in [true, false] {
            let complaint = |key, secret| complaint(&mail(smtp, key, secret)).unwrap();
            assert_eq!(complaint(true, false), "configuration: mail.mailjet_secret is not set");
            assert_eq!(complaint(false, true), "configuration: mail.mailjet_key is not set");
        }
    }

    #[tokio::test]
    async fn without_either_mail_goes_into_the_outbox_if_there_is_one() {
        let neither = mail(false, false, false);
        assert!(post(&neither, Some(Outbox::new("unused".into()))).is_ok());
        assert_eq!(complaint(&neither).unwrap(), "configuration: mail.smtp_url is not set");
    }
}
