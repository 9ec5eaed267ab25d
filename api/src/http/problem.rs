//! Every failure, in the envelope or as RFC 9457 problem details. Nothing internal leaves in it.

use std::time::Duration;

use commands::CommandError;
use commands::error::Dependency;
use domain::refusal::Kind;
use domain::violation::Violation;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::OperationId;
use poem_openapi::types::ToJSON;
use projections::ReadError;
use serde_json::{Value, json};

use super::conversation::Conversation;
use super::envelope::{Metadata, SERVICE};
use super::error_code::ErrorCode;

/// A failure on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: ErrorCode,
    details: Option<Value>,
    field: Option<String>,
    /// When trying again may help; a second, if nothing is said.
    retry_after: Option<Duration>,
    /// How many bytes there are, where others were asked for.
    of_bytes: Option<u64>,
}

/// A value of the request that was refused, with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    pub field: String,
    pub violation: Violation,
}

impl Problem {
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, details: None, field: None, retry_after: None, of_bytes: None }
    }

    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// A request that breaks rules: all of them are named. One alone gives its own code, where the
    /// table has one.
    pub fn invalid(violations: &[FieldViolation]) -> Self {
        let named: Vec<_> = violations
            .iter()
            .map(|v| {
                json!({
                    "field": v.field,
                    "code": v.violation.code(),
                    "message": v.violation.to_string(),
                })
            })
            .collect();
        let (code, field) = match violations {
            [only] => (code_of(&only.violation), Some(only.field.clone())),
            _ => (ErrorCode::ValidationError, None),
        };
        let details = Some(json!({ "violations": named }));
        Self { details, field, ..Self::new(code) }
    }

    pub fn invalid_field(field: &str, violation: Violation) -> Self {
        Self::invalid(&[FieldViolation { field: field.to_owned(), violation }])
    }

    /// A part was asked for that a body of this size does not have.
    pub fn no_such_range(size: u64) -> Self {
        let problem = Self::new(ErrorCode::RangeNotSatisfiable);
        Self { of_bytes: Some(size), ..problem.with_details(json!({ "size": size })) }
    }

    /// Something of ours failed: the log gets the reason, the caller does not.
    pub fn internal(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(%reason, "internal error");
        Self::new(ErrorCode::InternalError)
    }

    /// poem's own refusals, in our words.
    pub fn of_poem(error: poem::Error) -> Response {
        if error.is_from_response() {
            return error.into_response();
        }
        let code = match error.status() {
            StatusCode::BAD_REQUEST => ErrorCode::ValidationError,
            StatusCode::UNAUTHORIZED => ErrorCode::Unauthorized,
            StatusCode::FORBIDDEN => ErrorCode::PermissionDenied,
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
            StatusCode::NOT_ACCEPTABLE => ErrorCode::NotAcceptable,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::FileTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::FileTypeRefused,
            status if status.is_client_error() => ErrorCode::ValidationError,
            _ => return Self::internal(&error).into_response(),
        };
        Self::new(code).into_response()
    }

    /// Writes the body of a failure, now that it is known how the caller wants it.
    pub fn render(response: Response, conversation: &Conversation) -> Response {
        let Some(problem) = response.data::<Self>().cloned() else {
            return response;
        };
        let (body, content_type) = if conversation.wants_problem_json {
            (problem.details_body(conversation), "application/problem+json")
        } else {
            (problem.envelope_body(conversation), "application/json")
        };
        let mut rendered = Response::builder()
            .status(StatusCode::from_u16(problem.code.status()).unwrap_or_default())
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_LANGUAGE, conversation.language.tag())
            .body(body.to_string());
        if problem.retry_after.is_some() || matches!(problem.code.status(), 503 | 429) {
            // Whole seconds, and rather too late than too early.
            let seconds = problem.retry_after.map_or(1, |wait| wait.as_secs() + 1);
            rendered.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(size) = problem.of_bytes {
            let place = HeaderValue::from_str(&format!("bytes */{size}"));
            rendered.headers_mut().extend(place.ok().map(|place| (header::CONTENT_RANGE, place)));
        }
        if let Some(operation) = response.data::<OperationId>() {
            rendered.set_data(*operation);
        }
        rendered
    }

    fn envelope_body(&self, conversation: &Conversation) -> Value {
        let metadata = Metadata::of(Some(conversation));
        json!({
            "success": false,
            "data": null,
            "error": {
                "code": self.code.code(),
                "number": self.code.number(),
                "message": self.code.message(conversation.language),
                "details": self.details,
                "field": self.field,
                "path": conversation.path,
                "requestId": metadata.request_id,
                "timestamp": metadata.timestamp,
                "service": SERVICE,
                "retryable": self.code.retryable(),
            },
            "metadata": metadata.to_json(),
        })
    }

    fn details_body(&self, conversation: &Conversation) -> Value {
        json!({
            "type": format!("urn:caskchain:error:{}", self.code.code()),
            "title": self.code.message(conversation.language),
            "status": self.code.status(),
            "instance": conversation.path,
            "code": self.code.code(),
            "number": self.code.number(),
            "details": self.details,
            "field": self.field,
            "requestId": conversation.request_id,
            "retryable": self.code.retryable(),
        })
    }
}

fn code_of(violation: &Violation) -> ErrorCode {
    match violation {
        Violation::MalformedEmail => ErrorCode::InvalidEmailFormat,
        Violation::WeakPassword(_) => ErrorCode::WeakPassword,
        _ => ErrorCode::ValidationError,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or_default();
        let mut response = Response::builder().status(status).finish();
        response.set_data(self);
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        // An error brings data of its own, which takes the place of its response's.
        let mut error = Self::from_response(problem.clone().into_response());
        error.set_data(problem);
        error
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused { code, state, kind, .. } => {
                let fallback = match kind {
                    Kind::Absent => ErrorCode::NotFound,
                    Kind::Taken | Kind::Spent => ErrorCode::Conflict,
                    Kind::IllegalState => ErrorCode::IllegalState,
                    Kind::Unauthenticated => ErrorCode::Unauthorized,
                    Kind::Forbidden => ErrorCode::PermissionDenied,
                    Kind::Invalid => ErrorCode::ValidationError,
                    Kind::TooOften => ErrorCode::RateLimitExceeded,
                };
                let problem = Self::new(ErrorCode::named(code).unwrap_or(fallback));
                match state {
                    Some((state, command)) => {
                        problem.with_details(json!({ "state": state, "command": command }))
                    }
                    None => problem,
                }
            }
            CommandError::Locked(until) => Self::new(ErrorCode::AccountLocked)
                .with_details(json!({ "attemptsRemaining": 0, "lockedUntil": until.to_string() })),
            CommandError::WrongCredentials { attempts_remaining } => {
                Self::new(ErrorCode::InvalidCredentials)
                    .with_details(json!({ "attemptsRemaining": attempts_remaining }))
            }
            CommandError::WrongCode { attempts_remaining } => Self::new(ErrorCode::OtpInvalid)
                .with_details(json!({ "attemptsRemaining": attempts_remaining })),
            CommandError::Forbidden(permission) => Self::new(ErrorCode::PermissionDenied)
                .with_details(json!({ "permission": permission.code() })),
            CommandError::Invalid { field, violation } => Self::invalid_field(field, violation),
            CommandError::Claimed(kinds) => of_claims(&kinds),
            CommandError::Conflict => Self::new(ErrorCode::Conflict),
            CommandError::PreconditionFailed { actual, .. } => {
                Self::new(ErrorCode::PreconditionFailed).with_details(json!({ "sequence": actual }))
            }
            CommandError::IdempotencyMismatch => Self::new(ErrorCode::IdempotencyMismatch),
            CommandError::Busy => Self::new(ErrorCode::ServerBusy),
            CommandError::Unavailable(Dependency::Database) => {
                Self::new(ErrorCode::DatabaseUnavailable)
            }
            CommandError::Unavailable(Dependency::Chain) => Self::new(ErrorCode::ChainUnavailable),
            CommandError::Unavailable(Dependency::Storage) => {
                Self::new(ErrorCode::StorageUnavailable)
            }
            CommandError::Repeated { .. } | CommandError::Broken(_) => Self::internal(&error),
        }
    }
}

fn of_claims(kinds: &[String]) -> Problem {
    let held = |kind: &str| kinds.iter().any(|k| k == kind);
    if held(commands::claims::EMAIL) {
        Problem::new(ErrorCode::EmailAlreadyExists)
    } else if held(commands::claims::USERNAME) {
        Problem::new(ErrorCode::UsernameTaken)
    } else if held(commands::claims::PHONE) {
        Problem { field: Some("phone".to_owned()), ..Problem::new(ErrorCode::Conflict) }
    } else {
        Problem::new(ErrorCode::Conflict)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(ref reason) => {
                tracing::warn!(%reason, "a read failed");
                Self::new(ErrorCode::DatabaseUnavailable)
            }
            ReadError::Behind(_) => Self::new(ErrorCode::ProjectionBehind),
            ReadError::Corrupt { .. } => Self::internal(&error),
        }
    }
}
