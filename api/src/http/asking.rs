//! From a request to a command's circumstances: actor, correlation, idempotency key, If-Match.

use commands::Asked;
use domain::id::TenantId;
use domain::permission::Actor;
use domain::violation::Violation;
use eventstore::Context;

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

/// The circumstances of a command. `request` is what makes two requests the same.
pub fn asked(actor: Actor, headers: Headers, request: Vec<u8>) -> Result<Asked, Problem> {
    let conversation = Conversation::current()
        .ok_or_else(|| Problem::internal(&"a command outside of a conversation"))?;
    let chosen = headers.idempotency_key.map(idempotency_key).transpose()?;
    let key = chosen.map(|chosen| conversation.idempotency.key(&chosen, &request));
    Ok(Asked {
        context: Context {
            actor,
            causation_id: format!("request:{}", conversation.correlation_id),
            correlation_id: conversation.correlation_id,
            traceparent: conversation.traceparent,
        },
        key,
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
