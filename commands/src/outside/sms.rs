//! Short messages, however they are sent.

use async_trait::async_trait;
use thiserror::Error;

/// A short message to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// The position of the event that asked for it: whoever gets one twice can tell.
    pub position: i64,
    /// In international form, with a plus sign.
    pub to: String,
    pub text: String,
}

#[derive(Debug, Error)]
pub enum SmsError {
    #[error("short messages cannot be sent right now: {0}")]
    Unavailable(String),
    #[error("this short message cannot be sent: {0}")]
    Refused(String),
}

/// A way to send short messages.
#[async_trait]
pub trait Texter: Send + Sync {
    /// After an answer that was lost it may be sent again, with the same position.
    async fn send(&self, sms: &Sms) -> Result<(), SmsError>;
}
