//! Request bodies: JSON of bounded size, no unknown field, every violation named at once.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use domain::violation::Violation;
use poem::error::ReadBodyError;
use poem::{Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::error_code::ErrorCode;
use super::field::{Violations, wrong};
use super::problem::{FieldViolation, Problem};

const MAX_BYTES: usize = 1024 * 1024;
/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a body is read into.
pub trait Checked: ParseFromJSON + Type + Send + Sync {
    type Value;

    /// Takes every field, so that every violation is found. None: there was one.
    fn check(self, violations: &mut Violations) -> Option<Self::Value>;
}

/// A body that was read without complaint.
pub struct Body<T: Checked> {
    pub value: T::Value,
    /// SHA-256 of method, path and bytes: tells this request from another.
    pub digest: Vec<u8>,
}

impl<'a, T: Checked> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: <Json<T> as Payload>::schema_ref(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = read(request, body).await?;
        let digest = digest(request, &bytes);
        let json: Value = serde_json::from_slice(&bytes)
            .map_err(|_| Problem::invalid_field("body", Violation::WrongType("a JSON object")))?;
        let mut violations = Violations::default();
        let value = check::<T>(json, &mut violations)?;
        let violations = violations.into_list();
        match value {
            Some(value) if violations.is_empty() => Ok(Self { value, digest }),
            _ => Err(Problem::invalid(&violations).into()),
        }
    }
}

async fn read(request: &Request, body: &mut RequestBody) -> Result<Vec<u8>, Problem> {
    let is_json = request.content_type().is_some_and(<Json<Value> as Payload>::check_content_type);
    if !is_json {
        return Err(Problem::new(ErrorCode::FileTypeRefused));
    }
    let body = body.take().map_err(|error| Problem::internal(&error))?;
    match timeout(PATIENCE, body.into_bytes_limit(MAX_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(ReadBodyError::PayloadTooLarge)) => Err(Problem::new(ErrorCode::FileTooLarge)),
        Ok(Err(_)) | Err(_) => {
            Err(Problem::invalid_field("body", Violation::WrongType("sent completely")))
        }
    }
}

fn check<T: Checked>(
    json: Value,
    violations: &mut Violations,
) -> Result<Option<T::Value>, Problem> {
    let Value::Object(fields) = &json else {
        return Err(Problem::invalid_field("body", Violation::WrongType("a JSON object")));
    };
    let known = known_fields::<T>();
    for unknown in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        violations.add(unknown, Violation::Unknown);
    }
    // Every field of a body is `Parsed`, which keeps what is wrong instead of stopping.
    let body =
        T::parse_from_json(Some(json)).map_err(|error| Problem::internal(&error.into_message()))?;
    Ok(body.check(violations))
}

/// The same fields from somewhere else than a request, where unknown ones were looked for before.
pub fn check_fields<T: Checked>(
    fields: Map<String, Value>,
) -> Result<T::Value, Vec<FieldViolation>> {
    let unreadable = |_| wrong(Violation::WrongType("readable"));
    let body = T::parse_from_json(Some(Value::Object(fields))).map_err(unreadable)?;
    let mut violations = Violations::default();
    let value = body.check(&mut violations);
    let violations = violations.into_list();
    match value {
        Some(value) if violations.is_empty() => Ok(value),
        _ => Err(violations),
    }
}

/// The field names.
fn known_fields<T: Type>() -> Vec<&'static str> {
    schema::<T>().properties.iter().map(|(name, _)| *name).collect()
}

/// What can stand in a body, from the same declaration the document is made of.
pub fn schema<T: Type>() -> MetaSchema {
    let mut registry = Registry::new();
    T::register(&mut registry);
    match T::schema_ref() {
        MetaSchemaRef::Reference(name) => {
            registry.schemas.remove(&name).unwrap_or_else(|| MetaSchema::new("object"))
        }
        MetaSchemaRef::Inline(schema) => *schema,
    }
}

fn digest(request: &Request, bytes: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in [request.method().as_str().as_bytes(), request.uri().path().as_bytes(), bytes] {
        // Lengths keep the parts apart.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}
