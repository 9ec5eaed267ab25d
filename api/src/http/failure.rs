//! How failures stand in the OpenAPI document.

use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use serde_json::Value;

use super::envelope::Metadata;
use super::problem::Problem;

/// The shape of a failure, for the OpenAPI document.
#[derive(Object)]
struct Failure {
    success: bool,
    error: ErrorBody,
    metadata: Metadata,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ErrorBody {
    /// Stable, SCREAMING_SNAKE_CASE.
    code: String,
    /// Stable.
    number: u16,
    /// For people, in the language of Accept-Language.
    message: String,
    /// For programs.
    details: Option<poem_openapi::types::Any<Value>>,
    field: Option<String>,
    path: String,
    request_id: String,
    timestamp: String,
    service: String,
    retryable: bool,
}

/// Statuses any operation may answer with. An operation lists more than it ever returns; `code`
/// is what to go by.
const STATUSES: [(u16, &str); 12] = [
    (400, "The request is not valid; `details.violations` names every reason."),
    (401, "Sign in first, or the token is not believed."),
    (403, "Not allowed."),
    (404, "Not there, or another tenant's."),
    (409, "The state, a name or an idempotency key stands against it."),
    (412, "It has changed since it was read."),
    (413, "Too large."),
    (415, "Not JSON."),
    (423, "The account is locked."),
    (429, "Too many requests."),
    (500, "Our fault."),
    (503, "Something we need is away; Retry-After says when to come back."),
];

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let responses = STATUSES
            .iter()
            .map(|(status, description)| MetaResponse {
                description,
                status: Some(*status),
                status_range: None,
                content: ["application/json"]
                    .map(|content_type| MetaMediaType {
                        content_type,
                        schema: Failure::schema_ref(),
                    })
                    .into(),
                headers: vec![],
            })
            .collect();
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        Failure::register(registry);
    }
}
