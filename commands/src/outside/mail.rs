//! Mail, however it is sent.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A mail to one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The position of the event that asked for it: whoever gets a mail twice can tell.
    pub position: i64,
    pub to: String,
    pub subject: String,
    pub body: String,
}

#[derive(Debug, Error)]
pub enum MailError {
    #[error("mail cannot be sent right now: {0}")]
    Unavailable(String),
    #[error("this mail cannot be sent: {0}")]
    Refused(String),
}

/// A way to send mail.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends a mail. After an answer that was lost it may be sent again, with the same position.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
