//! Which commands may have brought a file's events about.

use super::{
    AttachFile, DeleteFile, DetachFile, File, FileEvent, OrderRendition, RecordRendition,
    RefuseImage, UploadFile, WithdrawFile,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::replay::Lawful;

impl Lawful for File {
    fn causes(&self, event: &FileEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        let owner = self.kept().map_or(UserId::new(0), |kept| kept.owner);
        vec![match event.clone() {
            FileEvent::FileUploaded { owner, kind, size, sha256, name, public } => {
                // Stands for what is sealed.
                let name = name.map(|_| String::new());
                Decision::of(UploadFile { owner, kind, size, sha256, name, public })
            }
            FileEvent::RenditionsOrdered { renditions } => match renditions.as_slice() {
                [rendition] => Decision::of(OrderRendition { by: owner, rendition: *rendition }),
                // The usual ones come with the upload.
                _ => return vec![],
            },
            FileEvent::RenditionMade { made } => Decision::of(RecordRendition { made }),
            FileEvent::ImageRefused { reason } => Decision::of(RefuseImage { reason }),
            FileEvent::FileAttached { whiskey } => Decision::of(AttachFile { by: owner, whiskey }),
            FileEvent::FileDetached { whiskey } => Decision::of(DetachFile { whiskey }),
            FileEvent::FileDeleted { .. } => {
                return vec![Decision::of(DeleteFile { by: owner }), Decision::of(WithdrawFile)];
            }
        }]
    }
}
