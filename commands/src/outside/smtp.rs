//! Mail by SMTP.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use super::mail::{Mail, MailError, Post};

/// How long a server may take for one mail.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// `url` as `smtps://user:password@host`, or `smtp://host:587?tls=required`.
    pub fn new(url: &SecretString, from: &str) -> Result<Self, MailError> {
        let unusable = |error: &dyn std::fmt::Display| MailError::Refused(error.to_string());
        let from = from.parse().map_err(|error| unusable(&error))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            // The library's words may hold the URL, and the URL a password.
            .map_err(|_| unusable(&"the SMTP URL cannot be read"))?
            .timeout(Some(PATIENCE))
            .build();
        Ok(Self { transport, from })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let refused = |error: &dyn std::fmt::Display| MailError::Refused(error.to_string());
        let to: Mailbox = mail.to.parse().map_err(|error| refused(&error))?;
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            // The same each time it is sent, so that mail servers can drop the second.
            .message_id(Some(format!("<caskchain.{}@{domain}>", mail.position)))
            .singlepart(SinglePart::plain(mail.body.clone()))
            .map_err(|error| refused(&error))
    }
}

#[async_trait]
impl Post for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(2 * PATIENCE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(of(&error)),
            Err(_) => Err(MailError::Unavailable("no answer in time".to_owned())),
        }
    }
}

/// A server that says never means it; everything else may be better later.
fn of(error: &SmtpError) -> MailError {
    if error.is_permanent() {
        // Its words may repeat the address: the code is enough.
        let code = error.status().map_or_else(String::new, |code| code.to_string());
        MailError::Refused(format!("the mail server refused with {code}"))
    } else {
        MailError::Unavailable(error.to_string())
    }
}
