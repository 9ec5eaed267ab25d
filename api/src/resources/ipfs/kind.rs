//! What content is, by the content. Anybody may have made it, so a browser gets nothing from here that
//! it would run.

/// As what content is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub media_type: &'static str,
    /// The ending of the file it is saved as, where it is not to be shown.
    pub saved_as: Option<&'static str>,
}

const fn shown(media_type: &'static str) -> Kind {
    Kind { media_type, saved_as: None }
}

pub const BLOCK: Kind = Kind { media_type: "application/vnd.ipld.raw", saved_as: Some("bin") };
const UNKNOWN: Kind = Kind { media_type: "application/octet-stream", saved_as: Some("bin") };
const PDF: Kind = Kind { media_type: "application/pdf", saved_as: Some("pdf") };
const JSON: Kind = shown("application/json");
const TEXT: Kind = shown("text/plain; charset=utf-8");

/// How formats begin, and from which byte on.
const BEGINNINGS: [(usize, &[u8], Kind); 8] = [
    (0, b"\x89PNG\r\n\x1a\n", shown("image/png")),
    (0, b"\xff\xd8\xff", shown("image/jpeg")),
    (0, b"GIF87a", shown("image/gif")),
    (0, b"GIF89a", shown("image/gif")),
    (8, b"WEBP", shown("image/webp")),
    (4, b"ftypavif", shown("image/avif")),
    (4, b"ftypavis", shown("image/avif")),
    (0, b"%PDF-", PDF),
];

/// Looks at the beginning of content, which may be all of it.
pub fn kind(beginning: &[u8], is_all: bool) -> Kind {
    let begins = |(at, mark, _): &&(usize, &[u8], Kind)| {
        beginning.get(*at..).is_some_and(|rest| rest.starts_with(mark))
    };
    if let Some((_, _, kind)) = BEGINNINGS.iter().find(begins) {
        return *kind;
    }
    match text(beginning, is_all) {
        // HTML, SVG and whatever else is marked up.
        Some(text) if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') => UNKNOWN,
        Some(text) if is_all && is_json(text) => JSON,
        Some(_) => TEXT,
        None => UNKNOWN,
    }
}

/// The text that the bytes are, if they are; a beginning may end within a character.
fn text(bytes: &[u8], is_all: bool) -> Option<&str> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if !is_all && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let odd = |c: char| c.is_control() && !"\t\n\r".contains(c);
    (!text.contains(odd)).then_some(text)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> &'static str {
        kind(bytes, true).media_type
    }

    #[test]
    fn content_is_told_by_how_it_begins() {
        assert_eq!(of(b"\x89PNG\r\n\x1a\n...."), "image/png");
        assert_eq!(of(b"\xff\xd8\xff\xe0..JFIF"), "image/jpeg");
        assert_eq!(of(b"RIFF\x24\0\0\0WEBPVP8 "), "image/webp");
        assert_eq!(of(b"\0\0\0\x1cftypavif...."), "image/avif");
        assert_eq!(of(br#" {"name": "Ardcairn"}"#), "application/json");
        assert_eq!(of("Ardcairn – 阿德凱恩\n".as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(of(b""), "text/plain; charset=utf-8");
        assert_eq!(kind(b"%PDF-1.7", true), PDF);
        assert_eq!(kind(b"\0\x01\x02", true), UNKNOWN);
        assert_eq!(kind(b"Ard\x1bcairn", true), UNKNOWN);
    }

    #[test]
    fn nothing_that_a_browser_would_run_is_shown_by_one() {
        for markup in [
            "<!DOCTYPE html><script>alert(1)</script>",
            "\n\t <HTML>",
            "\u{feff}<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
            "<?xml version=\"1.0\"?><svg/>",
            "<script>",
        ] {
            assert_eq!(kind(markup.as_bytes(), true), UNKNOWN, "{markup}");
            assert_eq!(kind(markup.as_bytes(), false), UNKNOWN, "{markup}");
        }
        for all in BEGINNINGS.iter().map(|(_, _, kind)| *kind).chain([BLOCK, UNKNOWN, JSON, TEXT]) {
            let runs = ["html", "svg", "xml", "javascript"];
            assert!(!runs.iter().any(|word| all.media_type.contains(word)), "{all:?}");
        }
    }

    #[test]
    fn a_beginning_may_end_within_a_character() {
        let (text, half) = ("阿".repeat(9), 9 * 3 - 1);
        assert_eq!(kind(&text.as_bytes()[..half], false), TEXT);
        assert_eq!(kind(&text.as_bytes()[..half], true), UNKNOWN);
        // Nobody has seen whether the rest is JSON, too.
        assert_eq!(kind(b"{}", false), TEXT);
    }
}
