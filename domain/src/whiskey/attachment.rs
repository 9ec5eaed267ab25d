//! Images and documents of a cask.

use serde::{Deserialize, Serialize};

use super::{Recorder, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::FileId;
use crate::permission::Permission;

/// Of one cask.
pub const ATTACHMENTS_ALLOWED: usize = 50;

/// A file of a cask's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub file: FileId,
    pub role: AttachmentRole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentRole {
    Image,
    Document,
}

impl AttachmentRole {
    pub const ALL: [Self; 2] = [Self::Image, Self::Document];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
        }
    }
}

pub struct AddAttachment {
    pub by: Recorder,
    pub attachment: Attachment,
}

impl Command<Whiskey> for AddAttachment {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_for(self.by, "attach")?;
        let Attachment { file, role } = self.attachment;
        if entry.attachments.iter().any(|attachment| attachment.file == file) {
            return Ok(vec![]);
        }
        if entry.attachments.len() >= ATTACHMENTS_ALLOWED {
            return Err(WhiskeyError::EnoughAttachments);
        }
        Ok(vec![WhiskeyEvent::FileAttached { file, role }])
    }
}

pub struct RemoveAttachment {
    pub by: Recorder,
    pub file: FileId,
}

impl Command<Whiskey> for RemoveAttachment {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        whiskey.entry_for(self.by, "detach")?;
        WithdrawAttachment { file: self.file }.decide(whiskey)
    }
}

/// The file is gone with its owner, whatever has become of the cask.
pub struct WithdrawAttachment {
    pub file: FileId,
}

impl Command<Whiskey> for WithdrawAttachment {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let attachments = &whiskey.entry()?.attachments;
        let attached = attachments.iter().any(|attachment| attachment.file == self.file);
        let detached = WhiskeyEvent::FileDetached { file: self.file };
        Ok(if attached { vec![detached] } else { vec![] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn add(by: Recorder) -> AddAttachment {
        AddAttachment { by, attachment: photograph() }
    }

    fn remove(by: Recorder) -> RemoveAttachment {
        RemoveAttachment { by, file: photograph().file }
    }

    #[test]
    fn owner_and_warehouse_attach_and_detach() {
        for by in [by_owner(), by_keeper()] {
            given::<Whiskey>(vec![registered()]).when(add(by)).then_expect_events(vec![attached()]);
            given::<Whiskey>(vec![registered(), attached()])
                .when(add(by))
                .then_expect_events(vec![]);
            given::<Whiskey>(vec![registered(), attached()])
                .when(remove(by))
                .then_expect_events(vec![detached()]);
            given::<Whiskey>(vec![registered(), attached(), detached()])
                .when(remove(by))
                .then_expect_events(vec![]);
        }
        given::<Whiskey>(vec![registered()])
            .when(add(by_stranger()))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered(), attached()])
            .when(remove(by_stranger()))
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered(), retired()])
            .when(add(by_owner()))
            .then_expect_error(illegal("RETIRED", "attach"));
    }

    #[test]
    fn there_are_not_endlessly_many() {
        let image = |file| WhiskeyEvent::FileAttached {
            file: FileId::new(file),
            role: AttachmentRole::Image,
        };
        let many = (1..=50).map(image);
        given::<Whiskey>([registered()].into_iter().chain(many).collect())
            .when(add(by_owner()))
            .then_expect_error(WhiskeyError::EnoughAttachments);
    }

    #[test]
    fn a_file_that_is_gone_leaves_even_a_retired_cask() {
        let withdraw = || WithdrawAttachment { file: photograph().file };
        given::<Whiskey>(vec![registered(), attached(), retired()])
            .when(withdraw())
            .then_expect_events(vec![detached()]);
        given::<Whiskey>(vec![registered()]).when(withdraw()).then_expect_events(vec![]);
    }
}
