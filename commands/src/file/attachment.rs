//! A file and a cask find each other, or part, in one commit.

use domain::file::{AttachFile, DetachFile, File};
use domain::id::{FileId, WhiskeyId};
use domain::violation::Violation;
use domain::whiskey::{AddAttachment, Attachment, AttachmentRole, RemoveAttachment, Whiskey};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::whiskey::recorder;

impl Commands {
    pub async fn attach_file(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        file: FileId,
        role: AttachmentRole,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(<AddAttachment as domain::command::Command<Whiskey>>::REQUIRES)?;
        let by = recorder(asked)?;
        let add = AddAttachment { by, attachment: Attachment { file, role } };
        let attach = AttachFile { by: by.user, whiskey };
        self.once(asked, || async {
            let (bytes, attached) =
                self.decide::<File, _>(asked, &file.to_string(), &attach).await?;
            if role == AttachmentRole::Image && !bytes.state.kept()?.kind.is_image() {
                let violation = Violation::WrongType("the id of an image");
                return Err(CommandError::Invalid { field: "fileId", violation });
            }
            let (cask, added) =
                self.decide::<Whiskey, _>(asked, &whiskey.to_string(), &add).await?;
            let commit = self.begin(asked).append(&bytes, attached).append(&cask, added);
            self.commit(asked, &whiskey, commit).await
        })
        .await
    }

    pub async fn detach_file(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        file: FileId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(<RemoveAttachment as domain::command::Command<Whiskey>>::REQUIRES)?;
        let remove = RemoveAttachment { by: recorder(asked)?, file };
        self.once(asked, || async {
            let (cask, removed) =
                self.decide::<Whiskey, _>(asked, &whiskey.to_string(), &remove).await?;
            let detach = DetachFile { whiskey };
            let (bytes, detached) =
                self.decide::<File, _>(asked, &file.to_string(), &detach).await?;
            let commit = self.begin(asked).append(&cask, removed).append(&bytes, detached);
            self.commit(asked, &whiskey, commit).await
        })
        .await
    }
}
