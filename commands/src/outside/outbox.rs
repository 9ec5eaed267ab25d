//! The development outbox: mails as files that say what would have been sent.

use std::path::PathBuf;

use async_trait::async_trait;
use thiserror::Error;

use super::mail::{Mail, MailError, Post};
use super::sms::{Sms, SmsError, Texter};

/// A folder with one file a mail.
#[derive(Clone, Debug)]
pub struct Outbox {
    folder: PathBuf,
}

#[derive(Debug, Error)]
pub enum OutboxError {
    #[error("the outbox {0} cannot be used: {1}")]
    Folder(PathBuf, std::io::Error),
}

/// How many of the newest mails are shown.
const SHOWN: usize = 100;

impl Outbox {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Puts a mail into the outbox. Putting it there again changes nothing.
    pub async fn put(&self, mail: &Mail) -> Result<(), OutboxError> {
        self.write(mail, &format!("{:020}", mail.position)).await
    }

    async fn write(&self, mail: &Mail, name: &str) -> Result<(), OutboxError> {
        let failed = |error| OutboxError::Folder(self.folder.clone(), error);
        tokio::fs::create_dir_all(&self.folder).await.map_err(failed)?;
        let path = self.folder.join(format!("{name}.json"));
        let draft = path.with_extension("draft");
        let text = serde_json::to_vec_pretty(mail)
            .map_err(|error| OutboxError::Folder(path.clone(), error.into()))?;
        tokio::fs::write(&draft, text).await.map_err(failed)?;
        tokio::fs::rename(&draft, &path).await.map_err(failed)
    }

    /// The newest mails, newest first.
    pub async fn newest(&self) -> Result<Vec<Mail>, OutboxError> {
        let failed = |error| OutboxError::Folder(self.folder.clone(), error);
        let mut names = Vec::new();
        let mut entries = match tokio::fs::read_dir(&self.folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            if entry.path().extension().is_some_and(|extension| extension == "json") {
                names.push(entry.path());
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        let mut mails = Vec::new();
        for path in names.into_iter().take(SHOWN) {
            let text = tokio::fs::read(&path).await.map_err(failed)?;
            mails.extend(serde_json::from_slice::<Mail>(&text).ok());
        }
        Ok(mails)
    }
}

#[async_trait]
impl Post for Outbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.put(mail).await.map_err(|error| MailError::Unavailable(error.to_string()))
    }
}

/// Beside the mails, as one that has no subject but what it is.
#[async_trait]
impl Texter for Outbox {
    async fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        let Sms { position, to, text } = sms.clone();
        let mail = Mail { position, to, subject: "SMS".to_owned(), body: text };
        let written = self.write(&mail, &format!("{position:020}-sms")).await;
        written.map_err(|error| SmsError::Unavailable(error.to_string()))
    }
}
