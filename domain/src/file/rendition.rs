//! Renditions: an image within bounds, in a format.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FileKind;

/// No side of a rendition is asked to be longer.
pub const LONGEST_SIDE: u32 = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// As large as the image is, if there are none.
    pub within: Option<Bounds>,
    pub format: ImageFormat,
}

/// What an image is made to fit into, with its proportions kept. A smaller one is not made larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImageFormat {
    Jpeg,
    Png,
    Webp,
}

impl Rendition {
    /// What is made of every image: as large as it is and two thumbnails, each in a format that
    /// every browser reads and in a smaller one.
    pub fn standard(kind: FileKind) -> Vec<Self> {
        let plain = match kind {
            // Perhaps it is transparent in places.
            FileKind::Png => ImageFormat::Png,
            FileKind::Jpeg | FileKind::Webp | FileKind::Avif => ImageFormat::Jpeg,
            FileKind::Pdf => return Vec::new(),
        };
        let sizes = [None, Some(800), Some(200)];
        let within = |side| Bounds { width: side, height: side };
        let of = |size: Option<u32>| {
            [plain, ImageFormat::Webp].map(|format| Self { within: size.map(within), format })
        };
        sizes.into_iter().flat_map(of).collect()
    }

    /// Such as `200x200.webp` or `full.jpeg`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.size(), self.format.extension())
    }

    /// Such as `200x200` or `full`.
    pub fn size(&self) -> String {
        self.within.map_or_else(|| "full".to_owned(), |bounds| bounds.to_string())
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl ImageFormat {
    pub const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    /// As file names and requests say it.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => FileKind::Jpeg.media_type(),
            Self::Png => FileKind::Png.media_type(),
            Self::Webp => FileKind::Webp.media_type(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_made_in_three_sizes_and_two_formats_and_a_document_in_none() {
        let names =
            |kind| Rendition::standard(kind).iter().map(Rendition::name).collect::<Vec<_>>();
        let jpeg = [
            "full.jpeg",
            "full.webp",
            "800x800.jpeg",
            "800x800.webp",
            "200x200.jpeg",
            "200x200.webp",
        ];
        assert_eq!(names(FileKind::Jpeg), jpeg);
        assert!(names(FileKind::Png).contains(&"full.png".to_owned()));
        assert_eq!(names(FileKind::Pdf), Vec::<String>::new());
    }
}
