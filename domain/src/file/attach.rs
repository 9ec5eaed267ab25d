//! A file belongs to a cask. The cask says yes in the same commit.

use super::{File, FileError, FileEvent};
use crate::command::Command;
use crate::id::{UserId, WhiskeyId};
use crate::permission::Permission;

pub struct AttachFile {
    pub by: UserId,
    pub whiskey: WhiskeyId,
}

impl Command<File> for AttachFile {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let kept = file.kept_of(self.by)?;
        let illegal = |state| FileError::IllegalState { state, command: "attach" };
        match kept.attached_to {
            Some(whiskey) if whiskey == self.whiskey => Ok(vec![]),
            Some(_) => Err(illegal("ATTACHED")),
            None if kept.is_refused() => Err(illegal("REFUSED")),
            None => Ok(vec![FileEvent::FileAttached { whiskey: self.whiskey }]),
        }
    }
}

/// Whoever may change the cask may take it off, too: the cask judges that.
pub struct DetachFile {
    pub whiskey: WhiskeyId,
}

impl Command<File> for DetachFile {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let attached = file.kept()?.attached_to == Some(self.whiskey);
        let detached = FileEvent::FileDetached { whiskey: self.whiskey };
        Ok(if attached { vec![detached] } else { vec![] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_file_belongs_to_one_cask_at_a_time() {
        let attach = |by| AttachFile { by, whiskey: CASK };
        let elsewhere = FileEvent::FileAttached { whiskey: WhiskeyId::new(9) };
        given::<File>(vec![uploaded()]).when(attach(OWNER)).then_expect_events(vec![attached()]);
        given::<File>(vec![uploaded(), attached()]).when(attach(OWNER)).then_expect_events(vec![]);
        given::<File>(vec![uploaded(), attached(), detached()])
            .when(attach(OWNER))
            .then_expect_events(vec![attached()]);
        let refusals = [
            (vec![uploaded()], STRANGER, FileError::NotTheOwner),
            (vec![uploaded(), elsewhere], OWNER, illegal("ATTACHED", "attach")),
            (vec![uploaded(), ordered(), refused()], OWNER, illegal("REFUSED", "attach")),
            (vec![uploaded(), deleted()], OWNER, FileError::Absent),
        ];
        for (before, by, refusal) in refusals {
            given::<File>(before).when(attach(by)).then_expect_error(refusal);
        }
    }

    #[test]
    fn it_is_taken_off_the_cask_it_belongs_to() {
        let detach = || DetachFile { whiskey: CASK };
        given::<File>(vec![uploaded(), attached()])
            .when(detach())
            .then_expect_events(vec![detached()]);
        given::<File>(vec![uploaded()]).when(detach()).then_expect_events(vec![]);
    }
}
