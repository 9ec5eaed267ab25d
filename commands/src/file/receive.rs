//! Receiving bytes: judged by their first ones, counted and digested as they come, and kept in the
//! store before anything is said of them. What is not finished is as if it had never begun.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use domain::command::Command;
use domain::file::{BYTES_ALLOWED, File, FileKind, UploadFile};
use domain::id::{FileId, TenantId};
use domain::shelf::Shelf;
use thiserror::Error;
use tokio::sync::OwnedSemaphorePermit;

use super::{ORIGINAL, object};
use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::outside::images;
use crate::outside::objects::{ObjectError, Objects, Writing};

/// What is kept to tell how large an image is before it is taken.
const HEAD: usize = 256 * 1024;

#[derive(Debug, Error)]
pub enum ReceiveError {
    #[error("a file has at most {BYTES_ALLOWED} bytes")]
    TooLarge,
    #[error("JPEG, PNG, WebP and PDF are taken, by their bytes and not by their names")]
    UnknownKind,
    #[error("the image cannot be read")]
    Unreadable,
    #[error("the client stopped sending")]
    BrokenOff,
    #[error(transparent)]
    Store(#[from] ObjectError),
}

/// Bytes on their way.
pub struct Arriving {
    objects: Objects,
    tenant: TenantId,
    file: FileId,
    writing: Option<Writing>,
    kind: Option<FileKind>,
    head: Vec<u8>,
    size: u64,
    digest: Context,
    _place: OwnedSemaphorePermit,
}

/// Bytes that are in the store and belong to nobody yet.
#[derive(Clone, Debug)]
pub struct Received {
    pub file: FileId,
    pub kind: FileKind,
    pub size: u64,
    pub sha256: String,
}

impl Commands {
    /// Makes ready for the bytes of a new file, if its owner-to-be has room for any.
    pub async fn receive(&self, asked: &Asked) -> Result<Arriving, CommandError> {
        asked.must_be_allowed(<UploadFile as Command<File>>::REQUIRES)?;
        let tenant = asked.context.tenant();
        let owner = asked.context.actor.user();
        let owner = owner.ok_or(CommandError::Forbidden(UploadFile::REQUIRES))?;
        let shelf = self.store.load::<Shelf>(tenant, &owner.to_string()).await?;
        shelf.state.must_hold(0)?;
        let place = Arc::clone(&self.uploads).try_acquire_owned();
        let place = place.map_err(|_| CommandError::Busy)?;
        Ok(Arriving {
            objects: self.objects.clone(),
            tenant,
            file: FileId::new(self.ids.next()?),
            writing: None,
            kind: None,
            head: Vec::new(),
            size: 0,
            digest: Context::new(&SHA256),
            _place: place,
        })
    }
}

impl Arriving {
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), ReceiveError> {
        self.size += bytes.len() as u64;
        if self.size > BYTES_ALLOWED {
            return Err(ReceiveError::TooLarge);
        }
        self.digest.update(bytes);
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        match &mut self.writing {
            Some(writing) => Ok(writing.write(bytes).await?),
            None if self.head.len() >= FileKind::HEAD => self.begin(&bytes[room..]).await,
            // Too little to know what it is.
            None => Ok(()),
        }
    }

    /// What it is is known, or it is nothing that is taken. `rest` is what the head had no room for.
    async fn begin(&mut self, rest: &[u8]) -> Result<(), ReceiveError> {
        self.kind = Some(FileKind::of(&self.head).ok_or(ReceiveError::UnknownKind)?);
        let name = object(self.tenant, self.file, ORIGINAL);
        let mut writing = self.objects.write(&name).await?;
        writing.write(&self.head).await?;
        writing.write(rest).await?;
        self.writing = Some(writing);
        Ok(())
    }

    /// All of it has come.
    pub async fn finish(mut self) -> Result<Received, ReceiveError> {
        let (Some(kind), Some(writing)) = (self.kind, self.writing.take()) else {
            return Err(ReceiveError::UnknownKind);
        };
        let whole = self.size == self.head.len() as u64;
        if !images::may_be_shown(kind, &self.head, whole) {
            writing.abort().await?;
            return Err(ReceiveError::Unreadable);
        }
        writing.finish().await?;
        let sha256 = hex::encode(self.digest.finish());
        Ok(Received { file: self.file, kind, size: self.size, sha256 })
    }

    /// As if it had never been begun.
    pub async fn give_up(mut self) {
        if let Some(writing) = self.writing.take()
            && let Err(error) = writing.abort().await
        {
            tracing::warn!(file = %self.file, %error, "an upload that was given up is swept later");
        }
    }
}
