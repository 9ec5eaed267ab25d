//! What came of the work on an image.

use super::{File, FileError, FileEvent, Made, Unreadable};
use crate::command::Command;
use crate::permission::Permission;

pub struct RecordRendition {
    pub made: Made,
}

impl Command<File> for RecordRendition {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let kept = file.kept()?;
        let made = FileEvent::RenditionMade { made: self.made.clone() };
        Ok(if kept.is_ordered(&self.made.rendition) { vec![made] } else { vec![] })
    }
}

/// It cannot be read. Nothing of it is shown.
pub struct RefuseImage {
    pub reason: Unreadable,
}

impl Command<File> for RefuseImage {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let refused = FileEvent::ImageRefused { reason: self.reason };
        Ok(if file.kept()?.is_refused() { vec![] } else { vec![refused] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn record() -> RecordRendition {
        RecordRendition { made: made_of(thumbnail()) }
    }

    #[test]
    fn a_rendition_is_made_once_and_only_if_it_was_ordered() {
        given::<File>(vec![uploaded(), ordered()]).when(record()).then_expect_events(vec![made()]);
        for before in [
            vec![uploaded()],
            vec![uploaded(), ordered(), made()],
            vec![uploaded(), ordered(), refused()],
        ] {
            given::<File>(before).when(record()).then_expect_events(vec![]);
        }
        given::<File>(vec![uploaded(), ordered(), deleted()])
            .when(record())
            .then_expect_error(FileError::Absent);
    }

    #[test]
    fn an_image_is_refused_once() {
        let refuse = || RefuseImage { reason: Unreadable::Broken };
        given::<File>(vec![uploaded(), ordered()])
            .when(refuse())
            .then_expect_events(vec![refused()]);
        given::<File>(vec![uploaded(), ordered(), refused()])
            .when(refuse())
            .then_expect_events(vec![]);
    }
}
