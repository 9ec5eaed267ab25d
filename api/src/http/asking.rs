//! From a request to a command's circumstances: actor, correlation, idempotency key, If-Match.

use commands::Asked;
use domain::id::TenantId;
use domain::permission::Actor;
use domain::violation::Violation;
use eventstore::{Context, IdempotencyKey};

use super::conversation::Conversation;
use super::problem::Problem;

/// Headers of a command.
#[derive(Default)]
pub struct Headers {
    pub idempotency_key: Option<String>,
    pub if_match: Option<String>,
}

/// Somebody without a token, in a tenant.
pub fn anonymous(tenant: Option<TenantId>) -> Actor {
    Actor::Anonymous { tenant: tenant.unwrap_or(TenantId::PLATFORM) }
}

/// The circumstances of a command. `digest` tells its request from another.
pub fn asked(actor: Actor, headers: Headers, digest: Vec<u8>) -> Result<Asked, Problem> {
    let conversation = Conversation::current();
    let request_id = conversation.as_ref().map_or_else(String::new, |c| c.request_id.clone());
    let key = headers.idempotency_key.map(idempotency_key).transpose()?;
    Ok(Asked {
        context: Context {
            actor,
            correlation_id: request_id.clone(),
            causation_id: format!("request:{request_id}"),
            traceparent: conversation.and_then(|c| c.traceparent),
        },
        key: key.map(|key| IdempotencyKey { key, request_digest: digest }),
        if_match: headers.if_match.map(|tag| sequence(&tag)).transpose()?.flatten(),
    })
}

fn idempotency_key(key: String) -> Result<String, Problem> {
    let plain = key.bytes().all(|b| b.is_ascii_graphic());
    if plain && (1..=255).contains(&key.len()) {
        Ok(key)
    } else {
        let violation = Violation::WrongType("1 to 255 printable ASCII characters");
        Err(Problem::invalid_field("Idempotency-Key", violation))
    }
}

/// The sequence of an entity tag as we give them out; `*` matches whatever exists.
fn sequence(tag: &str) -> Result<Option<i64>, Problem> {
    if tag.trim() == "*" {
        return Ok(None);
    }
    let quoted = tag.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.and_then(|digits| digits.parse().ok()).map(Some).ok_or_else(|| {
        Problem::invalid_field("If-Match", Violation::WrongType("an ETag such as \"3\""))
    })
}
