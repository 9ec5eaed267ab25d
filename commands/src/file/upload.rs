//! Bytes that have arrived become somebody's file.

use domain::command::Command;
use domain::file::{File, UploadFile};
use domain::id::FileId;
use domain::shelf::{Shelf, ShelveFile};

use super::{Received, folder};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// What is said of the bytes.
#[derive(Clone, Debug)]
pub struct Upload {
    pub name: Option<String>,
    pub public: bool,
}

impl Commands {
    /// Where this is a repetition, or is refused, the bytes that came are not kept.
    pub async fn upload_file(
        &self,
        asked: &Asked,
        upload: Upload,
        received: Received,
    ) -> Result<Done<FileId>, CommandError> {
        let file = received.file;
        let done = self.keep(asked, upload, received).await;
        let kept = done.as_ref().is_ok_and(|done| done.answer == file);
        // A lost answer may still be a yes; the sweep knows.
        let unknown = matches!(done, Err(CommandError::Unavailable(_)));
        if !kept && !unknown {
            self.discard(asked, file).await;
        }
        done
    }

    /// Bytes that became nobody's file.
    pub async fn discard(&self, asked: &Asked, file: FileId) {
        let folder = folder(asked.context.tenant(), file);
        if let Err(error) = self.objects.delete_below(&folder).await {
            tracing::warn!(%file, %error, "bytes nobody owns are swept later");
        }
    }

    async fn keep(
        &self,
        asked: &Asked,
        upload: Upload,
        received: Received,
    ) -> Result<Done<FileId>, CommandError> {
        asked.must_be_allowed(<UploadFile as Command<File>>::REQUIRES)?;
        let owner = asked.context.actor.user();
        let owner = owner.ok_or(CommandError::Forbidden(UploadFile::REQUIRES))?;
        let Received { file, kind, size, sha256 } = received;
        let Upload { name, public } = upload;
        let command = UploadFile { owner, kind, size, sha256, name, public };
        // A browser sends many at once, and all of them go onto one shelf.
        self.once_stubbornly(asked, || async {
            let (new, events) = self.decide_first::<File, _>(asked, &file.to_string(), &command)?;
            let shelve = ShelveFile { file, size };
            let (shelf, shelved) =
                self.decide::<Shelf, _>(asked, &owner.to_string(), &shelve).await?;
            let commit = self.begin(asked).append(&new, events).append(&shelf, shelved);
            self.commit(asked, &file, commit).await
        })
        .await
    }
}
