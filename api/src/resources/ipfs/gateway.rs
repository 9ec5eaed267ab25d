//! A gateway: content by its identifier, for browsers, wallets and peers.

use std::ops::Range;

use bytes::Bytes;
use cid::Cid;
use commands::outside::content_store::{ContentError, ContentStore, File};
use commands::unixfs::Block;
use commands::unixfs::block;
use futures::{StreamExt, TryStreamExt};
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Body, Request, Response, ResponseBuilder};
use projections::Readers;

use super::form::Form;
use super::kind::{BLOCK, Kind, kind};
use crate::http::error_code::ErrorCode;
use crate::http::portion::{Portion, portion};
use crate::http::problem::Problem;

/// Where content is found.
#[derive(Clone)]
pub struct Gateway {
    pub content: ContentStore,
    pub readers: Readers,
}

/// What an identifier stands for never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

impl Gateway {
    pub async fn answer(&self, text: &str, request: &Request) -> Result<Response, Problem> {
        let form = Form::of(request)?;
        let unknown = || Problem::new(ErrorCode::NotFound);
        let cid = block::parse(text).ok_or_else(unknown)?;
        let root = self.find(&cid).await?.ok_or_else(unknown)?;
        let asked = Asked { tag: form.tag(&cid.to_string()), headers: request.headers() };
        match form {
            Form::Block => asked.for_block(&root),
            Form::File => asked.for_file(&self.content, &root).await,
        }
    }

    /// The block, checked. What a token points to is in the log as well, for those times when the
    /// store is away or has lost it.
    async fn find(&self, cid: &Cid) -> Result<Option<Block>, Problem> {
        let stored = self.content.block(cid).await;
        if let Ok(Some(block)) = stored {
            return Ok(Some(block));
        }
        if let Some(document) = self.readers.document(&cid.to_string()).await? {
            if let Err(error) = stored {
                tracing::error!(%error, "given out from the log instead");
            }
            let checked = Block::checked(*cid, Bytes::from(document));
            return checked.map(Some).map_err(|error| Problem::internal(&error));
        }
        Ok(stored?)
    }
}

/// Reads as much of a file as tells what it is.
async fn look(file: File) -> Result<Kind, ContentError> {
    let size = file.size();
    let mut pieces = Box::pin(file.read(0..size));
    let beginning = pieces.try_next().await?.unwrap_or_default();
    Ok(kind(&beginning, beginning.len() as u64 == size))
}

/// A body that is read while it is sent. What turns out to be damaged on the way is cut off: there is
/// no status left to say so.
fn body(file: File, range: Range<u64>) -> Body {
    Body::from_bytes_stream(file.read(range).map(|piece| {
        piece.map_err(|error| {
            tracing::error!(%error, "content broke off while it was sent");
            std::io::Error::other("content broke off")
        })
    }))
}

fn of(bytes: &Bytes, range: Range<u64>) -> Body {
    let at = |end: u64| usize::try_from(end).unwrap_or(bytes.len()).min(bytes.len());
    Body::from_bytes(bytes.slice(at(range.start)..at(range.end)))
}

/// The bytes that are sent.
struct Sent {
    range: Range<u64>,
    /// As a part of so many, as was asked; they may be all.
    of: Option<u64>,
}

/// A question after what has been found.
struct Asked<'a> {
    tag: String,
    headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn for_block(&self, block: &Block) -> Result<Response, Problem> {
        let size = block.bytes().len() as u64;
        match self.range(size)? {
            Some(sent) => Ok(self.given(BLOCK, &sent).body(of(block.bytes(), sent.range))),
            None => Ok(self.unchanged()),
        }
    }

    async fn for_file(&self, store: &ContentStore, root: &Block) -> Result<Response, Problem> {
        let file = store.file(root)?;
        let Some(sent) = self.range(file.size())? else {
            return Ok(self.unchanged());
        };
        let kind = look(store.file(root)?).await?;
        Ok(self.given(kind, &sent).body(body(file, sent.range)))
    }

    /// The bytes to be sent. None: the client has them.
    fn range(&self, size: u64) -> Result<Option<Sent>, Problem> {
        match portion(self.headers, &self.tag, size) {
            Portion::Whole => Ok(Some(Sent { range: 0..size, of: None })),
            Portion::Part(range) => Ok(Some(Sent { range, of: Some(size) })),
            Portion::Unchanged => Ok(None),
            Portion::Nowhere => Err(Problem::no_such_range(size)),
        }
    }

    fn unchanged(&self) -> Response {
        self.about().status(StatusCode::NOT_MODIFIED).finish()
    }

    /// What every answer says of content.
    fn about(&self) -> ResponseBuilder {
        Response::builder()
            .header(header::ETAG, &self.tag)
            .header(header::CACHE_CONTROL, FOR_EVER)
            .header(header::VARY, "Accept")
    }

    fn given(&self, kind: Kind, sent: &Sent) -> ResponseBuilder {
        let range = &sent.range;
        let mut answer = self
            .about()
            .header(header::CONTENT_TYPE, kind.media_type)
            .header(header::CONTENT_LENGTH, range.end - range.start)
            .header(header::ACCEPT_RANGES, "bytes")
            // Even opened as a page of its own, it is nobody's page.
            .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
        if let Some(size) = sent.of {
            let place = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            answer =
                answer.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, place);
        }
        if let Some(ending) = kind.saved_as {
            let name = self.tag.trim_matches('"').trim_end_matches(".raw");
            let saved = format!("attachment; filename=\"{name}.{ending}\"");
            answer = answer.header(header::CONTENT_DISPOSITION, saved);
        }
        answer
    }
}

impl From<ContentError> for Problem {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Unavailable(_) => {
                tracing::warn!(%error, "content cannot be read");
                Self::new(ErrorCode::StorageUnavailable)
            }
            // It may be a directory, or what comes after UnixFS: peers can read the block.
            ContentError::Unreadable(_) => Self::new(ErrorCode::NotAcceptable),
            ContentError::Corrupt(_) | ContentError::Missing(_) | ContentError::Source(_) => {
                Self::internal(&error)
            }
        }
    }
}
