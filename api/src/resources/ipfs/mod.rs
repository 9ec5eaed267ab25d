//! What has a content identifier, by its identifier.

mod form;
mod gateway;
mod kind;

use poem::web::Data;
use poem::{IntoResponse, Request, Response};
use poem_openapi::param::{Path, Query};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, OpenApi};

pub use self::gateway::Gateway;
use super::Tag;
use crate::http::problem::Problem;

pub struct Ipfs {
    pub gateway: Gateway,
}

#[OpenApi(tag = "Tag::Nfts")]
impl Ipfs {
    /// What a content identifier stands for
    ///
    /// In any spelling of the identifier, version 0 or 1. What it stands for never changes, so it may
    /// be kept for ever. Takes `Range`, `If-Range` and `If-None-Match`. The content type is told by the
    /// content; HTML and SVG are only saved, never shown.
    #[oai(path = "/ipfs/:cid", method = "get", operation_id = "ipfs")]
    async fn ipfs(
        &self,
        request: &Request,
        cid: Path<String>,
        /// `raw`: the block itself and not the file, as with `Accept: application/vnd.ipld.raw`.
        format: Query<Option<String>>,
    ) -> Result<Content, Problem> {
        // Here for the document; the gateway reads it beside the headers.
        drop(format);
        self.gateway.answer(&cid.0, request).await.map(Content)
    }
}

/// At the place where gateways have it.
#[poem::handler]
pub async fn at_root(
    request: &Request,
    gateway: Data<&Gateway>,
    cid: poem::web::Path<String>,
) -> Result<Response, Problem> {
    gateway.answer(&cid.0, request).await
}

struct Content(Response);

impl IntoResponse for Content {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for Content {
    fn meta() -> MetaResponses {
        let answer = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: vec![],
        };
        let bytes = |content_type| MetaMediaType {
            content_type,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema {
                format: Some("binary"),
                ..MetaSchema::new("string")
            })),
        };
        let media = || ["*/*", "application/vnd.ipld.raw"].map(bytes).into();
        MetaResponses {
            responses: vec![
                answer(200, "The file, or the block.", media()),
                answer(206, "The part that was asked for.", media()),
                answer(304, "The client has it already.", vec![]),
                answer(406, "Not a file, or asked for in a form we do not have.", vec![]),
                answer(416, "There is no such part.", vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}
