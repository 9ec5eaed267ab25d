//! Bytes as they are served: whole or a range, with an ETag that is their digest, and such that no
//! browser takes them for anything else.

use std::ops::Range;

use commands::outside::objects::Chunks;
use futures::TryStreamExt;
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema};
use poem_openapi::registry::{MetaSchemaRef, Registry};

/// What there is to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servable {
    /// Where it is kept.
    pub object: String,
    pub media_type: &'static str,
    pub size: u64,
    pub sha256: String,
    pub public: bool,
    /// To be saved under this name, not to be shown.
    pub saved_as: Option<String>,
}

/// How much of it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Portion {
    Whole,
    Part(Range<u64>),
    /// The caller has it already.
    Unchanged,
    /// There is no such part.
    Nowhere,
}

impl Servable {
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    /// By RFC 9110: one range; of several, all is sent.
    pub fn portion(&self, headers: &HeaderMap) -> Portion {
        let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let etag = self.etag();
        let known = |tags: &str| {
            tags.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
        };
        if value(header::IF_NONE_MATCH).is_some_and(known) {
            return Portion::Unchanged;
        }
        let range = value(header::RANGE).filter(|_| {
            // A part of something else is of no use.
            value(header::IF_RANGE).is_none_or(|tag| tag == etag)
        });
        match range.and_then(|range| range.strip_prefix("bytes=")) {
            Some(range) => part(range.trim(), self.size),
            None => Portion::Whole,
        }
    }
}

fn part(range: &str, size: u64) -> Portion {
    let Some((first, last)) = range.split_once('-').filter(|_| !range.contains(',')) else {
        return Portion::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let wanted = match (first.trim().is_empty(), number(first), number(last)) {
        // The last so many.
        (true, _, Some(length)) => size.saturating_sub(length)..size,
        (false, Some(first), Some(last)) if first <= last => {
            first..size.min(last.saturating_add(1))
        }
        (false, Some(first), None) if last.trim().is_empty() => first..size,
        _ => return Portion::Whole,
    };
    if wanted.is_empty() { Portion::Nowhere } else { Portion::Part(wanted) }
}

/// The answer.
pub struct Served {
    pub servable: Servable,
    pub portion: Portion,
    /// None: nothing is sent.
    pub chunks: Option<Chunks>,
}

impl IntoResponse for Served {
    fn into_response(self) -> Response {
        let Servable { size, public, .. } = self.servable;
        let (status, length, range) = match &self.portion {
            Portion::Whole => (StatusCode::OK, size, None),
            Portion::Part(part) => {
                let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                (StatusCode::PARTIAL_CONTENT, part.end - part.start, Some(range))
            }
            Portion::Unchanged => (StatusCode::NOT_MODIFIED, 0, None),
            Portion::Nowhere => {
                (StatusCode::RANGE_NOT_SATISFIABLE, 0, Some(format!("bytes */{size}")))
            }
        };
        let caching = if public { "public, max-age=300" } else { "private, no-store" };
        let mut response = Response::builder()
            .status(status)
            .header(header::ETAG, self.servable.etag())
            .header(header::ACCEPT_RANGES, "bytes")
            .header(header::CACHE_CONTROL, caching)
            .header(header::VARY, "Accept")
            // Nothing in it runs, whatever it says it is.
            .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
        if let Some(range) = range {
            response = response.header(header::CONTENT_RANGE, range);
        }
        if let Some(name) = &self.servable.saved_as {
            response = response.header(header::CONTENT_DISPOSITION, disposition(name));
        }
        match self.chunks {
            Some(chunks) => response
                .content_type(self.servable.media_type)
                .header(header::CONTENT_LENGTH, length)
                .body(Body::from_bytes_stream(chunks.map_err(std::io::Error::other))),
            None => response.finish(),
        }
    }
}

/// RFC 6266, with the name in RFC 8187.
fn disposition(name: &str) -> String {
    let escaped: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename*=UTF-8''{escaped}")
}

impl ApiResponse for Served {
    fn meta() -> MetaResponses {
        let binary =
            || MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary")));
        let sent = |status, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: "*/*", schema: binary() }],
            headers: vec![],
        };
        let empty =
            |status, description| MetaResponse { content: vec![], ..sent(status, description) };
        MetaResponses {
            responses: vec![
                sent(200, "The bytes."),
                sent(206, "The part that was asked for."),
                empty(304, "As before."),
                empty(416, "There is no such part."),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servable() -> Servable {
        Servable {
            object: "files/1/7/original".to_owned(),
            media_type: "image/jpeg",
            size: 1_000,
            sha256: "ab".to_owned(),
            public: false,
            saved_as: None,
        }
    }

    fn portion(headers: &[(header::HeaderName, &str)]) -> Portion {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        servable().portion(&headers.collect())
    }

    #[test]
    fn a_range_is_what_the_standard_says() {
        let ranges = [
            ("bytes=0-99", Portion::Part(0..100)),
            ("bytes=900-", Portion::Part(900..1_000)),
            ("bytes=-1", Portion::Part(999..1_000)),
            ("bytes=-5000", Portion::Part(0..1_000)),
            ("bytes=990-5000", Portion::Part(990..1_000)),
            ("bytes=1000-", Portion::Nowhere),
            ("bytes=-0", Portion::Nowhere),
            ("bytes=5-4", Portion::Whole),
            ("bytes=0-1,5-6", Portion::Whole),
            ("bytes=-", Portion::Whole),
            ("bytes=x-y", Portion::Whole),
            ("bytes=-18446744073709551616", Portion::Whole),
            ("lines=1-2", Portion::Whole),
        ];
        for (range, wanted) in ranges {
            assert_eq!(portion(&[(header::RANGE, range)]), wanted, "{range}");
        }
    }

    #[test]
    fn a_part_is_only_of_the_same_bytes() {
        let part = (header::RANGE, "bytes=0-9");
        let same = portion(&[part.clone(), (header::IF_RANGE, "\"ab\"")]);
        assert_eq!(same, Portion::Part(0..10));
        assert_eq!(portion(&[part, (header::IF_RANGE, "\"cd\"")]), Portion::Whole);
        for known in ["\"ab\"", "W/\"ab\"", "\"cd\", \"ab\"", "*"] {
            assert_eq!(portion(&[(header::IF_NONE_MATCH, known)]), Portion::Unchanged);
        }
        assert_eq!(portion(&[(header::IF_NONE_MATCH, "\"cd\"")]), Portion::Whole);
    }

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let header = disposition("h\u{e9}ad\"; x=\r\n.pdf");
        assert_eq!(header, "attachment; filename*=UTF-8''h%C3%A9ad%22%3B%20x%3D%0D%0A.pdf");
    }
}
