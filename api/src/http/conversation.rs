//! One request and its answer: who asks, since when, in which language, under which id.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use domain::language::Language;
use eventstore::{Clock, Entropy, IdempotencySecret};
use poem::Request;
use poem::http::{HeaderName, header};

use super::client_address::TrustedProxies;
use super::language;
use super::limits::Shown;

/// What is known of the request that is being answered.
#[derive(Clone)]
pub struct Conversation {
    pub request_id: String,
    /// What ties together everything this request sets off, in events and on the bus. Always ours:
    /// what a client calls its request is told back to it and goes no further.
    pub correlation_id: String,
    pub idempotency: Arc<IdempotencySecret>,
    pub traceparent: Option<String>,
    pub language: Language,
    pub wants_problem_json: bool,
    pub method: String,
    pub path: String,
    /// The client's, not its proxy's.
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub started: Instant,
    pub clock: Clock,
    limit: Arc<Mutex<Option<Shown>>>,
}

tokio::task_local! {
    static CURRENT: Conversation;
}

impl Conversation {
    /// Runs the work inside this conversation.
    pub(super) async fn hold<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The conversation this code runs in.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    pub(super) fn of(
        request: &Request,
        clock: &Clock,
        entropy: &Entropy,
        idempotency: &Arc<IdempotencySecret>,
        proxies: &TrustedProxies,
    ) -> Self {
        let correlation_id = new_id(entropy);
        let text = |name: HeaderName| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let offered = text(HeaderName::from_static("x-request-id"));
        let accept = text(header::ACCEPT).unwrap_or_default();
        let language = text(header::ACCEPT_LANGUAGE).unwrap_or_default();
        Self {
            request_id: offered
                .filter(|id| is_request_id(id))
                .unwrap_or_else(|| correlation_id.clone()),
            correlation_id,
            idempotency: Arc::clone(idempotency),
            traceparent: text(HeaderName::from_static("traceparent")).filter(|t| is_traceparent(t)),
            language: language::preferred(&language),
            wants_problem_json: accept.contains("application/problem+json"),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            address: proxies.client_of(request),
            user_agent: text(header::USER_AGENT).map(|agent| agent.chars().take(256).collect()),
            started: Instant::now(),
            clock: clock.clone(),
            limit: Arc::default(),
        }
    }

    /// Notes what the answer is to say of a limit.
    pub(super) fn show_limit(&self, shown: Shown) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }

    pub(super) fn shown_limit(&self) -> Option<Shown> {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_id(entropy: &Entropy) -> String {
    entropy.text::<12>().unwrap_or_else(|_| "unknown".to_owned())
}

/// What we are ready to repeat: short, and nothing that could be an address or markup.
fn is_request_id(id: &str) -> bool {
    (8..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// W3C trace context, version 00.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2] && parts.iter().all(|part| hex(part)) && parts[0] == "00"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_request_ids_are_repeated() {
        assert!(is_request_id("0f8fad5b-d9cb-469f-a165-70867728950e"));
        for bad in ["short", "moira@example.com", "<script>alert(1)</script>", &"a".repeat(65)] {
            assert!(!is_request_id(bad), "{bad}");
        }
    }

    #[test]
    fn only_well_formed_trace_contexts_are_continued() {
        assert!(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for bad in ["", "00-x-y-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
