//! Bytes that have arrived.

use super::{File, FileError, FileEvent, FileKind, Rendition};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// No file is larger: 20 MiB.
pub const BYTES_ALLOWED: u64 = 20 * 1024 * 1024;

pub struct UploadFile {
    pub owner: UserId,
    pub kind: FileKind,
    pub size: u64,
    pub sha256: String,
    pub name: Option<String>,
    pub public: bool,
}

impl Command<File> for UploadFile {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        if *file != File::Absent {
            return Err(FileError::Taken);
        }
        let name = self.name.clone().map(|name| Personal::new(self.owner, Purpose::Contact, name));
        let uploaded = FileEvent::FileUploaded {
            owner: self.owner,
            kind: self.kind,
            size: self.size,
            sha256: self.sha256.clone(),
            name,
            public: self.public,
        };
        let renditions = Rendition::standard(self.kind);
        let ordered = FileEvent::RenditionsOrdered { renditions: renditions.clone() };
        Ok(if renditions.is_empty() { vec![uploaded] } else { vec![uploaded, ordered] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn upload(kind: FileKind) -> UploadFile {
        UploadFile {
            owner: OWNER,
            kind,
            size: 12_345,
            sha256: "ab".repeat(32),
            name: (kind == FileKind::Jpeg).then(|| "Ardcairn head.jpg".to_owned()),
            public: false,
        }
    }

    #[test]
    fn of_an_image_renditions_are_ordered_and_of_a_document_none() {
        let renditions = Rendition::standard(FileKind::Jpeg);
        given::<File>(vec![])
            .when(upload(FileKind::Jpeg))
            .then_expect_events(vec![uploaded(), FileEvent::RenditionsOrdered { renditions }]);
        given::<File>(vec![]).when(upload(FileKind::Pdf)).then_expect_events(vec![document()]);
        for before in [vec![uploaded()], vec![uploaded(), deleted()]] {
            given::<File>(before).when(upload(FileKind::Jpeg)).then_expect_error(FileError::Taken);
        }
    }
}
