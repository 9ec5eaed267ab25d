//! What has a content identifier, by its identifier: a gateway for the documents tokens point to.

use cid::Cid;
use poem::{IntoResponse, Response};
use poem_openapi::param::Path;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::{ApiResponse, OpenApi};
use projections::Readers;

use super::Tag;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;

pub struct Ipfs {
    pub readers: Readers,
}

#[OpenApi(tag = "Tag::Nfts")]
impl Ipfs {
    /// What a content identifier stands for
    ///
    /// In any spelling of the identifier (CIDv1). What it stands for never changes.
    #[oai(path = "/ipfs/:cid", method = "get", operation_id = "ipfs")]
    async fn ipfs(&self, cid: Path<String>) -> Result<Block, Problem> {
        block(&self.readers, &cid.0).await
    }
}

/// The block, if there is one of this identifier.
pub async fn block(readers: &Readers, text: &str) -> Result<Block, Problem> {
    let unknown = || Problem::new(ErrorCode::NotFound);
    let cid = Cid::try_from(text).map_err(|_| unknown())?.to_string();
    let document = readers.document(&cid).await?.ok_or_else(unknown)?;
    Ok(Block { cid, document })
}

/// The bytes themselves: whoever doubts them computes the identifier.
pub struct Block {
    cid: String,
    document: String,
}

impl IntoResponse for Block {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type("application/json")
            .header("Cache-Control", "public, max-age=31536000, immutable")
            .header("ETag", format!("\"{}\"", self.cid))
            .body(self.document)
    }
}

impl ApiResponse for Block {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The bytes the identifier was computed from.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "application/json",
                    schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("object"))),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(_: &mut Registry) {}
}

/// At the place where gateways have it.
#[poem::handler]
pub async fn gateway(
    readers: poem::web::Data<&Readers>,
    cid: poem::web::Path<String>,
) -> Result<Block, Problem> {
    block(&readers, &cid.0).await
}
