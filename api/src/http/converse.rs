//! What surrounds every endpoint: a conversation around the request, and on the answer whatever
//! every answer carries, whoever made it.

use std::sync::Arc;
use std::time::Duration;

use commands::outside::tokens::Tokens;
use domain::violation::Violation;
use eventstore::{Clock, Entropy, IdempotencySecret};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use poem_openapi::OperationId;
use tokio::time::timeout;

use super::client_address::TrustedProxies;
use super::conversation::Conversation;
use super::error_code::ErrorCode;
use super::limits::{AddressLimits, Shown};
use super::problem::Problem;
use crate::metrics::Metrics;

/// No request is worked on for longer; whoever asked has long given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// 20 MiB over a slow line, every bit of which has a timeout of its own; and a bundle of all there is.
const LONG: [&str; 2] = ["/api/v1/files/upload", "/api/v1/audit/export"];
const LONG_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Puts every request into a conversation and every answer into shape.
#[derive(Clone)]
pub struct Converse {
    pub clock: Clock,
    pub entropy: Entropy,
    pub metrics: Metrics,
    pub idempotency: Arc<IdempotencySecret>,
    /// Origins that may read our answers in a browser, exactly as browsers write them.
    pub allowed_origins: Arc<Vec<String>>,
    pub limits: AddressLimits,
    pub tokens: Arc<Tokens>,
    pub proxies: Arc<TrustedProxies>,
}

impl<E: Endpoint> Middleware<E> for Converse {
    type Output = Conversing<E>;

    fn transform(&self, inner: E) -> Conversing<E> {
        Conversing { inner, of: self.clone() }
    }
}

pub struct Conversing<E> {
    inner: E,
    of: Converse,
}

impl<E: Endpoint> Endpoint for Conversing<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let conversation = Conversation::of(
            &request,
            &self.of.clock,
            &self.of.entropy,
            &self.of.idempotency,
            &self.of.proxies,
        );
        let has_token = self.of.shows_token(&request);
        let origin = request.headers().get(header::ORIGIN).cloned();
        let preflight = request.headers().contains_key("access-control-request-method")
            && request.method() == Method::OPTIONS;
        let unreadable = unreadable_header(request.headers());
        let mut response = conversation
            .clone()
            .hold(async {
                if preflight {
                    return StatusCode::NO_CONTENT.into_response();
                }
                if let Err(problem) = self.of.limits.admit(&conversation, has_token) {
                    return Problem::render(problem.into_response(), &conversation);
                }
                if let Some(name) = unreadable {
                    let violation = Violation::WrongType("printable ASCII, and not empty");
                    let problem = Problem::invalid_field(name, violation).into_response();
                    return Problem::render(problem, &conversation);
                }
                let response = match timeout(patience(&request), self.inner.call(request)).await {
                    Ok(Ok(response)) => response.into_response(),
                    Ok(Err(error)) => Problem::of_poem(error),
                    Err(_) => Problem::new(ErrorCode::ServerBusy).into_response(),
                };
                Problem::render(response, &conversation)
            })
            .await;
        self.of.finish(&mut response, &conversation, origin.as_ref(), preflight);
        Ok(response)
    }
}

fn patience(request: &Request) -> Duration {
    if LONG.contains(&request.uri().path()) { LONG_PATIENCE } else { PATIENCE }
}

/// A header of the contract that cannot be read must not count as absent.
fn unreadable_header(headers: &HeaderMap) -> Option<&'static str> {
    ["Idempotency-Key", "If-Match", "X-Min-Position"].into_iter().find(|name| {
        let readable =
            |value: &HeaderValue| value.to_str().is_ok_and(|text| !text.trim().is_empty());
        !headers.get_all(*name).iter().all(readable)
    })
}

/// Clients may invent methods; metrics must not grow by them.
fn known_method(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    }
}

impl Converse {
    /// Whether there is a token of ours, by its signature and time alone.
    fn shows_token(&self, request: &Request) -> bool {
        request
            .header(header::AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|token| self.tokens.check(token, self.clock.now()).is_ok())
    }

    fn finish(
        &self,
        response: &mut Response,
        conversation: &Conversation,
        origin: Option<&HeaderValue>,
        preflight: bool,
    ) {
        let status = response.status();
        let took = conversation.started.elapsed();
        let operation = response.data::<OperationId>().map_or("other", |id| id.0);
        self.metrics.request(known_method(&conversation.method), operation, status.as_u16(), took);
        tracing::info!(
            request_id = conversation.request_id,
            correlation_id = conversation.correlation_id,
            method = conversation.method,
            path = conversation.path,
            status = status.as_u16(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&conversation.request_id) {
            headers.insert("x-request-id", id);
        }
        if let Some(shown) = conversation.shown_limit() {
            limit_headers(headers, shown);
        }
        security_headers(headers);
        self.cors(headers, origin, preflight);
    }

    /// CORS by exact origin. Whoever is not on the list gets no CORS header at all.
    fn cors(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>, preflight: bool) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else {
            return;
        };
        if !self.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
            return;
        }
        let fixed = HeaderValue::from_static;
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, fixed("true"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            fixed("ETag, Location, RateLimit, RateLimit-Policy, Retry-After, X-Position, X-Request-Id, Idempotency-Replayed"),
        );
        if preflight {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                fixed("GET, POST, PUT, DELETE, OPTIONS"),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                fixed(
                    "Authorization, Content-Type, Idempotency-Key, If-Match, X-Min-Position, \
                     X-Request-Id, Accept-Language, traceparent",
                ),
            );
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, fixed("3600"));
        }
    }
}

/// draft-ietf-httpapi-ratelimit-headers: the policy, and what is left of it.
fn limit_headers(headers: &mut HeaderMap, shown: Shown) {
    let Shown { name, allowed, remaining, frees_in } = shown;
    let texts = [
        ("ratelimit-policy", format!("\"{name}\";q={allowed};w=60")),
        ("ratelimit", format!("\"{name}\";r={remaining};t={}", frees_in.as_secs() + 1)),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

fn security_headers(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        // A page that knows better has said so already.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
