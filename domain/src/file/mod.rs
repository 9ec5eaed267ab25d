//! File: bytes somebody uploaded, known by their digest, and, of an image, what is made of it.

mod attach;
mod delete;
mod kind;
mod lawful;
mod order;
mod record;
mod rendition;
mod upload;

use std::collections::BTreeMap;

pub use attach::{AttachFile, DetachFile};
pub use delete::{DeleteFile, WithdrawFile};
pub use kind::FileKind;
pub use order::{OrderRendition, RENDITIONS_ALLOWED};
pub use record::{RecordRendition, RefuseImage};
pub use rendition::{Bounds, ImageFormat, LONGEST_SIDE, Rendition};
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub use upload::{BYTES_ALLOWED, UploadFile};

use crate::command::aggregate;
use crate::event::events;
use crate::id::{UserId, WhiskeyId};
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum File {
    #[default]
    Absent,
    Kept(Box<Kept>),
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    pub owner: UserId,
    pub kind: FileKind,
    pub size: u64,
    /// Of the bytes as they came, in hex.
    pub sha256: String,
    /// The cask it belongs to. As long as it does, it is not deleted.
    pub attached_to: Option<WhiskeyId>,
    /// By name.
    pub renditions: BTreeMap<String, Progress>,
}

/// How far the work on a rendition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    Ordered,
    Made,
    /// The bytes are no image that can be read.
    Refused,
}

/// Something made from an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    pub rendition: Rendition,
    pub width: u32,
    pub height: u32,
    pub size: u64,
    pub sha256: String,
}

/// Why an image is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unreadable {
    /// Broken, cut off, or not what its first bytes say.
    Broken,
    /// It would unfold to more than is ever decoded.
    TooManyPixels,
    /// What lies in the store is not what was uploaded.
    Changed,
}

impl Unreadable {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken => "BROKEN",
            Self::TooManyPixels => "TOO_MANY_PIXELS",
            Self::Changed => "CHANGED",
        }
    }
}

events! {
    pub enum FileEvent {
        FileUploaded = "file.uploaded" v 1 {
            owner: UserId,
            kind: FileKind,
            /// Bytes.
            size: u64,
            sha256: String,
            /// What its owner calls it.
            name: Option<Personal<String>>,
            /// Anybody may see it.
            public: bool,
        },
        RenditionsOrdered = "file.renditions_ordered" v 1 { renditions: Vec<Rendition> },
        RenditionMade = "file.rendition_made" v 1 { made: Made },
        ImageRefused = "file.image_refused" v 1 { reason: Unreadable },
        FileAttached = "file.attached" v 1 { whiskey: WhiskeyId },
        FileDetached = "file.detached" v 1 { whiskey: WhiskeyId },
        FileDeleted = "file.deleted" v 1 { owner: UserId },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum FileError {
    #[error("there is no such file")]
    Absent,
    #[error("the file is uploaded already")]
    Taken,
    #[error("only the owner of a file may do this")]
    NotTheOwner,
    #[error("{command} is not possible while the file is {state}")]
    IllegalState { state: &'static str, command: &'static str },
    #[error("only of images are there renditions")]
    NotAnImage,
    #[error("there are as many renditions of this image as there may be")]
    EnoughRenditions,
}

impl Refusal for FileError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::Taken => Kind::Taken,
            Self::NotTheOwner => Kind::Forbidden,
            Self::IllegalState { .. } => Kind::IllegalState,
            Self::NotAnImage | Self::EnoughRenditions => Kind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "FILE_NOT_FOUND",
            Self::Taken => "CONFLICT",
            Self::NotTheOwner => "PERMISSION_DENIED",
            Self::IllegalState { .. } => "ILLEGAL_STATE",
            Self::NotAnImage | Self::EnoughRenditions => "VALIDATION_ERROR",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::IllegalState { state, command } => Some((state, command)),
            Self::Absent
            | Self::Taken
            | Self::NotTheOwner
            | Self::NotAnImage
            | Self::EnoughRenditions => None,
        }
    }
}

impl File {
    fn fold(&mut self, event: FileEvent) {
        match event {
            FileEvent::FileUploaded { owner, kind, size, sha256, .. } => {
                let (attached_to, renditions) = (None, BTreeMap::new());
                let kept = Kept { owner, kind, size, sha256, attached_to, renditions };
                *self = Self::Kept(Box::new(kept));
            }
            FileEvent::FileDeleted { .. } => *self = Self::Deleted,
            later => {
                if let Self::Kept(kept) = self {
                    kept.fold(later);
                }
            }
        }
    }

    pub fn kept(&self) -> Result<&Kept, FileError> {
        match self {
            Self::Kept(kept) => Ok(kept),
            Self::Absent | Self::Deleted => Err(FileError::Absent),
        }
    }

    /// The file, for its owner.
    fn kept_of(&self, owner: UserId) -> Result<&Kept, FileError> {
        let kept = self.kept()?;
        if kept.owner == owner { Ok(kept) } else { Err(FileError::NotTheOwner) }
    }
}

impl Kept {
    fn fold(&mut self, event: FileEvent) {
        match event {
            FileEvent::FileUploaded { .. } | FileEvent::FileDeleted { .. } => {}
            FileEvent::RenditionsOrdered { renditions } => {
                let ordered = renditions.iter().map(|it| (it.name(), Progress::Ordered));
                self.renditions.extend(ordered);
            }
            FileEvent::RenditionMade { made } => {
                self.renditions.insert(made.rendition.name(), Progress::Made);
            }
            FileEvent::ImageRefused { .. } => {
                self.renditions.values_mut().for_each(|progress| *progress = Progress::Refused);
            }
            FileEvent::FileAttached { whiskey } => self.attached_to = Some(whiskey),
            FileEvent::FileDetached { .. } => self.attached_to = None,
        }
    }

    pub fn is_refused(&self) -> bool {
        self.renditions.values().any(|progress| *progress == Progress::Refused)
    }

    fn is_ordered(&self, rendition: &Rendition) -> bool {
        self.renditions.get(&rendition.name()) == Some(&Progress::Ordered)
    }
}

aggregate!(File, "file", FileEvent, FileError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! A photograph of a cask.

    use super::*;
    use crate::personal::Purpose;

    pub const OWNER: UserId = UserId::new(7_204_001);
    pub const STRANGER: UserId = UserId::new(7_204_008);
    pub const CASK: WhiskeyId = WhiskeyId::new(7_205_001);

    pub fn name() -> Personal<String> {
        Personal::new(OWNER, Purpose::Contact, "Ardcairn head.jpg".to_owned())
    }

    pub fn uploaded() -> FileEvent {
        FileEvent::FileUploaded {
            owner: OWNER,
            kind: FileKind::Jpeg,
            size: 12_345,
            sha256: "ab".repeat(32),
            name: Some(name()),
            public: false,
        }
    }

    pub fn document() -> FileEvent {
        let FileEvent::FileUploaded { owner, size, sha256, public, .. } = uploaded() else {
            unreachable!()
        };
        FileEvent::FileUploaded { owner, kind: FileKind::Pdf, size, sha256, name: None, public }
    }

    pub fn thumbnail() -> Rendition {
        Rendition { within: Some(Bounds { width: 200, height: 200 }), format: ImageFormat::Webp }
    }

    pub fn made_of(rendition: Rendition) -> Made {
        Made { rendition, width: 200, height: 150, size: 2_345, sha256: "cd".repeat(32) }
    }

    pub fn ordered() -> FileEvent {
        FileEvent::RenditionsOrdered { renditions: vec![thumbnail()] }
    }

    pub fn made() -> FileEvent {
        FileEvent::RenditionMade { made: made_of(thumbnail()) }
    }

    pub fn refused() -> FileEvent {
        FileEvent::ImageRefused { reason: Unreadable::Broken }
    }

    pub fn attached() -> FileEvent {
        FileEvent::FileAttached { whiskey: CASK }
    }

    pub fn detached() -> FileEvent {
        FileEvent::FileDetached { whiskey: CASK }
    }

    pub fn deleted() -> FileEvent {
        FileEvent::FileDeleted { owner: OWNER }
    }

    pub fn illegal(state: &'static str, command: &'static str) -> FileError {
        FileError::IllegalState { state, command }
    }
}
