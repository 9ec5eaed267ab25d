//! The end of a file. Its bytes go with it; that there was one stays in the log.

use super::{File, FileError, FileEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct DeleteFile {
    pub by: UserId,
}

impl Command<File> for DeleteFile {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let kept = file.kept_of(self.by)?;
        match kept.attached_to {
            Some(_) => Err(FileError::IllegalState { state: "ATTACHED", command: "delete" }),
            None => Ok(vec![FileEvent::FileDeleted { owner: kept.owner }]),
        }
    }
}

/// Its owner was erased. It leaves the cask it belongs to first.
pub struct WithdrawFile;

impl Command<File> for WithdrawFile {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let Ok(kept) = file.kept() else {
            return Ok(vec![]);
        };
        let detached = kept.attached_to.map(|whiskey| FileEvent::FileDetached { whiskey });
        Ok(detached.into_iter().chain([FileEvent::FileDeleted { owner: kept.owner }]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn an_owner_deletes_a_file_that_belongs_to_no_cask() {
        let delete = |by| DeleteFile { by };
        given::<File>(vec![uploaded()]).when(delete(OWNER)).then_expect_events(vec![deleted()]);
        let refusals = [
            (vec![uploaded()], STRANGER, FileError::NotTheOwner),
            (vec![uploaded(), attached()], OWNER, illegal("ATTACHED", "delete")),
            (vec![uploaded(), deleted()], OWNER, FileError::Absent),
            (vec![], OWNER, FileError::Absent),
        ];
        for (before, by, refusal) in refusals {
            given::<File>(before).when(delete(by)).then_expect_error(refusal);
        }
    }

    #[test]
    fn with_its_owner_a_file_goes_wherever_it_is() {
        given::<File>(vec![uploaded(), attached()])
            .when(WithdrawFile)
            .then_expect_events(vec![detached(), deleted()]);
        given::<File>(vec![uploaded(), deleted()]).when(WithdrawFile).then_expect_events(vec![]);
    }
}
