//! Who may see a file.

use domain::id::{FileId, WhiskeyId};
use domain::permission::{Actor, Permission};
use domain::whiskey::AttachmentRole;
use projections::files::FileRow;

use super::{Files, unknown};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;

impl Files {
    /// Whoever has a link.
    pub(super) async fn opened_by(&self, link: &str, file: FileId) -> Result<FileRow, Problem> {
        let opened = self.links.check(link, self.clock.now()).filter(|opened| opened.file == file);
        let opened = opened.ok_or_else(|| Problem::new(ErrorCode::TokenInvalid))?;
        self.readers.file(Some(opened.tenant), file).await?.ok_or_else(unknown)
    }

    /// A private file is its owner's. Of a cask's, everybody who may see the cask sees the images;
    /// documents are for its owner, the warehouse and whoever judges casks.
    pub(super) async fn seen_by(&self, actor: &Actor, file: FileId) -> Result<FileRow, Problem> {
        let row = self.readers.file(Some(actor.tenant()), file).await?.ok_or_else(unknown)?;
        if row.public || owns(actor, &row) {
            return Ok(row);
        }
        match row.attached_to.map(WhiskeyId::new) {
            Some(whiskey) if self.sees(actor, whiskey, file).await? => Ok(row),
            Some(_) | None => Err(unknown()),
        }
    }

    async fn sees(&self, actor: &Actor, cask: WhiskeyId, file: FileId) -> Result<bool, Problem> {
        let Some(cask) = self.readers.whiskey(actor.tenant(), cask).await? else {
            return Ok(false);
        };
        let role = cask.attachments.iter().find(|it| it.file == file).map(|it| it.role);
        let closer = actor.user().is_some_and(|user| user.value() == cask.owner)
            || actor.may(Permission::KEEP_WHISKEY)
            || actor.may(Permission::APPROVE_WHISKEY);
        Ok(actor.may(Permission::READ_WHISKEY)
            && match role {
                Some(AttachmentRole::Image) => true,
                Some(AttachmentRole::Document) => closer,
                None => false,
            })
    }
}

pub(super) fn owns(actor: &Actor, row: &FileRow) -> bool {
    actor.tenant().value() == row.tenant
        && actor.user().is_some_and(|user| user.value() == row.owner)
}
