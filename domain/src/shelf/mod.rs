//! Shelf: the files one person has, so that there are not endlessly many. Its id is the person's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::command::{Command, Decision, aggregate};
use crate::event::events;
use crate::id::{FileId, UserId};
use crate::permission::Permission;
use crate::refusal::{Kind, Refusal};
use crate::replay::Lawful;

/// Of one person.
pub const FILES_ALLOWED: usize = 1_000;
/// Of one person: 2 GiB.
pub const ROOM: u64 = 2 * 1024 * 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// With their sizes.
    files: BTreeMap<FileId, u64>,
}

events! {
    pub enum ShelfEvent {
        FileShelved = "shelf.file_shelved" v 1 { file: FileId, size: u64 },
        FileTakenOff = "shelf.file_taken_off" v 1 { file: FileId },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum ShelfError {
    #[error("there is room for {FILES_ALLOWED} files and 2 GiB; delete some first")]
    Full,
}

impl Refusal for ShelfError {
    fn kind(&self) -> Kind {
        match self {
            Self::Full => Kind::IllegalState,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Full => "ILLEGAL_STATE",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Full => Some(("FULL", "upload")),
        }
    }
}

impl Shelf {
    fn fold(&mut self, event: ShelfEvent) {
        match event {
            ShelfEvent::FileShelved { file, size } => {
                self.files.insert(file, size);
            }
            ShelfEvent::FileTakenOff { file } => {
                self.files.remove(&file);
            }
        }
    }

    pub fn files(&self) -> impl Iterator<Item = FileId> {
        self.files.keys().copied()
    }

    /// Whether a file of this size finds room.
    pub fn must_hold(&self, size: u64) -> Result<(), ShelfError> {
        let taken: u64 = self.files.values().sum();
        let room = self.files.len() < FILES_ALLOWED && taken + size <= ROOM;
        if room { Ok(()) } else { Err(ShelfError::Full) }
    }
}

aggregate!(Shelf, "shelf", ShelfEvent, ShelfError, snapshot 1);

impl Lawful for Shelf {
    fn causes(&self, event: &ShelfEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event {
            ShelfEvent::FileShelved { file, size } => {
                Decision::of(ShelveFile { file: *file, size: *size })
            }
            ShelfEvent::FileTakenOff { file } => Decision::of(TakeFileOff { file: *file }),
        }]
    }
}

pub struct ShelveFile {
    pub file: FileId,
    pub size: u64,
}

impl Command<Shelf> for ShelveFile {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, shelf: &Shelf) -> Result<Vec<ShelfEvent>, ShelfError> {
        shelf.must_hold(self.size)?;
        Ok(vec![ShelfEvent::FileShelved { file: self.file, size: self.size }])
    }
}

pub struct TakeFileOff {
    pub file: FileId,
}

impl Command<Shelf> for TakeFileOff {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, shelf: &Shelf) -> Result<Vec<ShelfEvent>, ShelfError> {
        let there = shelf.files.contains_key(&self.file);
        Ok(if there { vec![ShelfEvent::FileTakenOff { file: self.file }] } else { vec![] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    const MIB: u64 = 1024 * 1024;

    fn shelved(file: i64, size: u64) -> ShelfEvent {
        ShelfEvent::FileShelved { file: FileId::new(file), size }
    }

    fn shelve(file: i64, size: u64) -> ShelveFile {
        ShelveFile { file: FileId::new(file), size }
    }

    #[test]
    fn there_is_room_for_so_many_files() {
        let many = |count| (1..=count).map(|file| shelved(file, MIB)).collect::<Vec<_>>();
        given::<Shelf>(many(999))
            .when(shelve(5_000, MIB))
            .then_expect_events(vec![shelved(5_000, MIB)]);
        given::<Shelf>(many(1_000)).when(shelve(5_000, MIB)).then_expect_error(ShelfError::Full);
    }

    #[test]
    fn there_is_room_for_so_many_bytes_and_again_when_one_is_gone() {
        let large = (1..=102).map(|file| shelved(file, 20 * MIB)).collect::<Vec<_>>();
        given::<Shelf>(large.clone())
            .when(shelve(5_000, 8 * MIB))
            .then_expect_events(vec![shelved(5_000, 8 * MIB)]);
        given::<Shelf>(large.clone())
            .when(shelve(5_000, 8 * MIB + 1))
            .then_expect_error(ShelfError::Full);
        let taken_off = ShelfEvent::FileTakenOff { file: FileId::new(7) };
        given::<Shelf>(large.clone())
            .when(TakeFileOff { file: FileId::new(7) })
            .then_expect_events(vec![taken_off.clone()]);
        let one_less = [large, vec![taken_off]].concat();
        given::<Shelf>(one_less.clone())
            .when(shelve(5_000, 20 * MIB))
            .then_expect_events(vec![shelved(5_000, 20 * MIB)]);
        given::<Shelf>(one_less)
            .when(TakeFileOff { file: FileId::new(7) })
            .then_expect_events(vec![]);
    }
}
