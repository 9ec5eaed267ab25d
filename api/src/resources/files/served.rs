//! Bytes as they are served: whole or a range, with an ETag that is their digest, and such that no
//! browser takes them for anything else.

use commands::outside::objects::Chunks;
use futures::TryStreamExt;
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema};
use poem_openapi::registry::{MetaSchemaRef, Registry};

use crate::http::portion::{Portion, portion};

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

impl Servable {
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    pub fn portion(&self, headers: &HeaderMap) -> Portion {
        portion(headers, &self.etag(), self.size)
    }
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

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let header = disposition("h\u{e9}ad\"; x=\r\n.pdf");
        assert_eq!(header, "attachment; filename*=UTF-8''h%C3%A9ad%22%3B%20x%3D%0D%0A.pdf");
    }
}
