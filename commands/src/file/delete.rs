//! Deleting files: one, by its owner, or all of a person who was erased. The log first, then the
//! bytes: whatever happens between, they are swept.

use domain::file::{DeleteFile, File, FileEvent, WithdrawFile};
use domain::id::{FileId, TenantId, UserId, WhiskeyId};
use domain::permission::Permission;
use domain::shelf::{Shelf, TakeFileOff};
use domain::whiskey::{Whiskey, WithdrawAttachment};

use super::folder;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::objects::ObjectError;

impl Commands {
    pub async fn delete_file(
        &self,
        asked: &Asked,
        file: FileId,
    ) -> Result<Done<FileId>, CommandError> {
        asked.must_be_allowed(<DeleteFile as domain::command::Command<File>>::REQUIRES)?;
        let by = asked.context.actor.user();
        let by = by.ok_or(CommandError::Forbidden(Permission::REGISTER_WHISKEY))?;
        self.once_stubbornly(asked, || async {
            let (loaded, deleted) =
                self.decide::<File, _>(asked, &file.to_string(), &DeleteFile { by }).await?;
            let off = TakeFileOff { file };
            let (shelf, taken) = self.decide::<Shelf, _>(asked, &by.to_string(), &off).await?;
            let commit = self.begin(asked).append(&loaded, deleted).append(&shelf, taken);
            self.commit(asked, &file, commit).await
        })
        .await
    }

    /// Every file of somebody who was erased.
    pub(crate) async fn withdraw_files_of(
        &self,
        asked: &Asked,
        user: UserId,
    ) -> Result<(), CommandError> {
        let tenant = asked.context.tenant();
        let shelf = self.store.load_fresh::<Shelf>(tenant, &user.to_string()).await?;
        for file in shelf.state.files() {
            self.withdraw_file(asked, user, file).await?;
        }
        Ok(())
    }

    async fn withdraw_file(
        &self,
        asked: &Asked,
        owner: UserId,
        file: FileId,
    ) -> Result<Done<FileId>, CommandError> {
        self.once(asked, || async {
            let (loaded, withdrawn) =
                self.decide::<File, _>(asked, &file.to_string(), &WithdrawFile).await?;
            let off = TakeFileOff { file };
            let (shelf, taken) = self.decide::<Shelf, _>(asked, &owner.to_string(), &off).await?;
            let mut commit = self.begin(asked);
            if let Some(whiskey) = left(&withdrawn) {
                let withdraw = WithdrawAttachment { file };
                let (cask, detached) =
                    self.decide::<Whiskey, _>(asked, &whiskey.to_string(), &withdraw).await?;
                commit = commit.append(&cask, detached);
            }
            let commit = commit.append(&loaded, withdrawn).append(&shelf, taken);
            self.commit(asked, &file, commit).await
        })
        .await
    }

    /// The bytes of a file that is no more.
    pub(crate) async fn delete_objects(
        &self,
        tenant: TenantId,
        file: FileId,
    ) -> Result<(), ObjectError> {
        self.objects.delete_below(&folder(tenant, file)).await
    }
}

/// The cask it belonged to.
fn left(events: &[FileEvent]) -> Option<WhiskeyId> {
    events.iter().find_map(|event| match event {
        FileEvent::FileDetached { whiskey } => Some(*whiskey),
        _ => None,
    })
}
