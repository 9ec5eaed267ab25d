//! What a file is, by its first bytes and by nothing else: names and headers are only claims.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FileKind {
    Jpeg,
    Png,
    Webp,
    Avif,
    Pdf,
}

impl FileKind {
    /// So many bytes at least are needed to know.
    pub const HEAD: usize = 12;

    pub fn of(head: &[u8]) -> Option<Self> {
        // What is not a still image but a sequence has another brand.
        let avif = head.get(4..12) == Some(b"ftypavif");
        let riff = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Self::Pdf),
            _ if riff => Some(Self::Webp),
            _ if avif => Some(Self::Avif),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WEBP",
            Self::Avif => "AVIF",
            Self::Pdf => "PDF",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Jpeg, Self::Png, Self::Webp, Self::Avif, Self::Pdf];
        all.into_iter().find(|kind| kind.name() == name)
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Pdf => "application/pdf",
        }
    }

    pub const fn is_image(self) -> bool {
        !matches!(self, Self::Pdf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_its_first_bytes_say() {
        let known = [
            (&b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"[..], FileKind::Jpeg),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d", FileKind::Png),
            (b"RIFF\x00\x10\x00\x00WEBPVP8 ", FileKind::Webp),
            (b"\0\0\0\x20ftypavif\0\0\0\0avif", FileKind::Avif),
            (b"%PDF-1.7\n%\xe2\xe3", FileKind::Pdf),
        ];
        for (head, kind) in known {
            assert_eq!(FileKind::of(head), Some(kind));
            assert!(head.len() >= FileKind::HEAD);
            // One byte less tells nothing any more, or the same.
            let shorter = FileKind::of(&head[..head.len() - 1]);
            assert!(shorter.is_none_or(|shorter| shorter == kind));
        }
        let unknown: [&[u8]; 8] = [
            b"",
            b"\0\0\0\x20ftypavis",
            b"\0\0\0\x20ftypmp42",
            b"<svg xmlns",
            b"GIF89a",
            b"MZ\x90",
            b"RIFF....WAVE",
            b" %PDF-1.7",
        ];
        for head in unknown {
            assert_eq!(FileKind::of(head), None);
        }
    }
}
