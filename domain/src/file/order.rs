//! One more rendition of an image.

use super::{File, FileError, FileEvent, Rendition};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

/// Of one image: each costs work and room.
pub const RENDITIONS_ALLOWED: usize = 20;

pub struct OrderRendition {
    pub by: UserId,
    pub rendition: Rendition,
}

impl Command<File> for OrderRendition {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, file: &File) -> Result<Vec<FileEvent>, FileError> {
        let kept = file.kept_of(self.by)?;
        if !kept.kind.is_image() {
            return Err(FileError::NotAnImage);
        }
        if kept.is_refused() {
            return Err(FileError::IllegalState { state: "REFUSED", command: "process" });
        }
        if kept.renditions.contains_key(&self.rendition.name()) {
            return Ok(vec![]);
        }
        if kept.renditions.len() >= RENDITIONS_ALLOWED {
            return Err(FileError::EnoughRenditions);
        }
        Ok(vec![FileEvent::RenditionsOrdered { renditions: vec![self.rendition] }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::super::{Bounds, ImageFormat};
    use super::*;
    use crate::command::scenario::given;

    fn order(by: UserId) -> OrderRendition {
        OrderRendition { by, rendition: thumbnail() }
    }

    #[test]
    fn an_owner_orders_each_rendition_once() {
        given::<File>(vec![uploaded()]).when(order(OWNER)).then_expect_events(vec![ordered()]);
        for before in [vec![uploaded(), ordered()], vec![uploaded(), ordered(), made()]] {
            given::<File>(before).when(order(OWNER)).then_expect_events(vec![]);
        }
        let refusals = [
            (vec![uploaded()], STRANGER, FileError::NotTheOwner),
            (vec![document()], OWNER, FileError::NotAnImage),
            (vec![uploaded(), ordered(), refused()], OWNER, illegal("REFUSED", "process")),
            (vec![uploaded(), deleted()], OWNER, FileError::Absent),
        ];
        for (before, by, refusal) in refusals {
            given::<File>(before).when(order(by)).then_expect_error(refusal);
        }
    }

    #[test]
    fn there_are_not_endlessly_many() {
        let within = |side| Some(Bounds { width: side, height: side });
        let renditions = (1..=20)
            .map(|side| Rendition { within: within(side), format: ImageFormat::Jpeg })
            .collect();
        let many = FileEvent::RenditionsOrdered { renditions };
        given::<File>(vec![uploaded(), many])
            .when(order(OWNER))
            .then_expect_error(FileError::EnoughRenditions);
    }
}
